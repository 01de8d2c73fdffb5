import assert from 'node:assert/strict'
import { bytesSource, type ObjectHead } from '@mediakeep/core'
import { streamSource } from '../../bodies.ts'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { drain, openReader, openStream, putBytes, sameBytes } from '../expect.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What a store says about itself and its objects. */
export const factCases: readonly ObjectStoreCase[] = [
  {
    id: 'traits.sane',
    claim: 'name and traits say facts one can plan with, and do not change',
    async check({ store }) {
      const { traits } = store
      const before = JSON.stringify(traits)
      assert.ok(store.name.length > 0, 'the store has no name')
      assert.ok(
        traits.maxObjectBytes > 0 && traits.maxKeyBytes >= 64 && traits.minPartBytes >= 0,
        `traits ${before}`,
      )
      assert.ok(['none', 'file', 'durable'].includes(traits.durability), `durability ${traits.durability}`)
      assert.ok(
        ['enforced', 'ignored'].includes(traits.conditionalPut),
        `conditionalPut ${traits.conditionalPut}`,
      )
      assert.ok(['key', 'none'].includes(traits.listOrder), `listOrder ${traits.listOrder}`)
      for (const flag of [traits.paid, traits.shared, traits.retries]) assert.equal(typeof flag, 'boolean')
      await putBytes(store, 'kit/traits', 'x')
      assert.equal(JSON.stringify(store.traits), before, 'the traits changed')
    },
  },
  {
    id: 'open.again',
    claim: 'open() of a store that is open succeeds and loses nothing',
    needs: ['open'],
    async check({ store }) {
      await putBytes(store, 'kit/open', 'x')
      await store.open?.()
      assert.equal((await store.head('kit/open'))?.sizeBytes, 1)
    },
  },
  {
    id: 'head.same-everywhere',
    claim: 'put(), head(), get() and list() tell the same size and etag, the last three the same time',
    async check({ store }) {
      const told = await store.put('kit/head', streamSource(seededBytes(20, 1234)), {
        contentType: 'image/png',
      })
      const reader = await openReader(store, 'kit/head')
      await reader[Symbol.asyncDispose]()
      const listed = (await store.list({ prefix: 'kit/head' })).objects[0]
      for (const [what, head] of Object.entries({
        head: await store.head('kit/head'),
        get: reader.head,
        list: listed,
      })) {
        assert.ok(head !== undefined, `${what}() finds nothing`)
        assert.deepEqual(identityOf(head), identityOf(told), `${what}() tells another head than put()`)
        assert.deepEqual(head.modifiedAt, reader.head.modifiedAt, `${what}() tells another time than get()`)
      }
      assert.equal(told.key, 'kit/head')
      assert.equal(told.sizeBytes, 1234)
    },
  },
  {
    id: 'head.put-time',
    claim: 'put() tells the modification time that head() tells',
    async check({ store }) {
      const told = await putBytes(store, 'kit/head', 'x')
      assert.deepEqual((await store.head('kit/head'))?.modifiedAt, told.modifiedAt)
    },
  },
  {
    id: 'head.absent',
    claim: 'head() of a key that was never put is undefined',
    async check({ store }) {
      await putBytes(store, 'kit/there', 'x')
      assert.equal(await store.head('kit/not-there'), undefined)
      assert.equal(await store.head('kit/ther'), undefined, 'a prefix of a key is no key')
      assert.equal(await store.head('kit'), undefined, 'a "folder" is no key')
    },
  },
  {
    id: 'head.modified-at',
    claim: 'modifiedAt is a valid date of about now',
    async check({ store }) {
      const head = await putBytes(store, 'kit/date', 'x')
      assert.ok(head.modifiedAt instanceof Date, 'modifiedAt is no Date')
      const offMs = Math.abs(head.modifiedAt.getTime() - Date.now())
      assert.ok(offMs < DAY_MS, `modifiedAt is ${offMs} ms from now`)
    },
  },
  {
    id: 'etag.form',
    claim: 'etags are strong, printable and without quotes',
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/etag', 'x')
      assert.match(etag, /^[\x21\x23-\x7e]{1,256}$/, 'etag')
      assert.ok(!etag.startsWith('W/'), 'a weak etag')
    },
  },
  {
    id: 'etag.new-bytes',
    claim: 'the etag changes with other bytes, also of the same length',
    async check({ store }) {
      const first = await putBytes(store, 'kit/etag', 'aaaa')
      const second = await putBytes(store, 'kit/etag', 'aaab')
      assert.notEqual(second.etag, first.etag)
      assert.equal((await store.head('kit/etag'))?.etag, second.etag)
    },
  },
  {
    id: 'etag.same-bytes',
    claim: 'the etag changes with each put, also of the same bytes, in quick succession',
    async check({ store }) {
      const etags = new Set<string>()
      for (let round = 0; round < 20; round++) etags.add((await putBytes(store, 'kit/etag', 'same')).etag)
      assert.equal(etags.size, 20, 'two puts share an etag')
    },
  },
  {
    id: 'etag.after-delete',
    claim: 'the etag of a key that was deleted and put again is another one',
    async check({ store }) {
      const first = await putBytes(store, 'kit/etag', 'same')
      await store.delete('kit/etag')
      const second = await putBytes(store, 'kit/etag', 'same')
      assert.notEqual(second.etag, first.etag)
    },
  },
  {
    id: 'etag.stable',
    claim: 'the etag stays while nothing is put, whoever reads',
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/etag', 'same')
      await putBytes(store, 'kit/other', 'other')
      const reader = await openReader(store, 'kit/etag')
      sameBytes(await drain(openStream(reader)), Buffer.from('same'), 'get()')
      assert.equal((await store.head('kit/etag'))?.etag, etag)
      assert.equal(reader.head.etag, etag)
    },
  },
  {
    id: 'metadata.round-trip',
    claim: 'content type and metadata come back as they were given',
    async check({ store }) {
      const given = {
        contentType: 'text/plain; charset="utf-8"',
        metadata: { a: '1', 'x-long-name': 'v'.repeat(500), spaced: 'two  words' },
      }
      const told = await store.put('kit/meta', bytesSource(Buffer.from('x')), given)
      const reader = await openReader(store, 'kit/meta')
      await reader[Symbol.asyncDispose]()
      for (const head of [told, await store.head('kit/meta'), reader.head])
        assert.deepEqual(describedBy(head), given)
    },
  },
  {
    id: 'metadata.unicode',
    claim: 'metadata values beyond ASCII come back as they were given',
    async check({ store }) {
      const metadata = { title: 'caf\u00e9 \u65e5\u672c \u{1f4f7}', percent: '100%25', quoted: '"a", b' }
      await store.put('kit/meta', bytesSource(Buffer.from('x')), { metadata })
      assert.deepEqual({ ...(await store.head('kit/meta'))?.metadata }, metadata)
    },
  },
  {
    id: 'metadata.replaced',
    claim: 'put() replaces content type and metadata, it does not merge them',
    async check({ store }) {
      await store.put('kit/meta', bytesSource(Buffer.from('x')), {
        contentType: 'image/png',
        metadata: { old: '1' },
      })
      await store.put('kit/meta', bytesSource(Buffer.from('y')), { metadata: { next: '2' } })
      const head = await store.head('kit/meta')
      assert.deepEqual({ ...head?.metadata }, { next: '2' })
      assert.notEqual(head?.contentType, 'image/png', 'the old content type stayed')
    },
  },
  {
    id: 'metadata.snapshot',
    claim: 'put() takes a copy of the metadata: changing the object afterwards changes nothing stored',
    async check({ store }) {
      const metadata: Record<string, string> = { a: '1' }
      await store.put('kit/meta', bytesSource(Buffer.from('x')), { metadata })
      metadata['a'] = '2'
      metadata['b'] = '3'
      assert.deepEqual({ ...(await store.head('kit/meta'))?.metadata }, { a: '1' })
    },
  },
]

function identityOf(head: ObjectHead): unknown {
  return { key: head.key, sizeBytes: head.sizeBytes, etag: head.etag }
}

function describedBy(head: ObjectHead | undefined): unknown {
  return { contentType: head?.contentType, metadata: { ...head?.metadata } }
}
