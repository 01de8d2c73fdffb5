import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import {
  digestOf,
  isMediaError,
  type ObjectHead,
  type ObjectStore,
  type PutObjectOptions,
} from '@mediakeep/core'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import {
  holds,
  isAbsent,
  openStream,
  putBytes,
  readAll,
  rejectionOf,
  rejectsWith,
  sameBytes,
} from '../expect.ts'

const bytes = seededBytes(95, 150_000)

async function adopt(
  store: ObjectStore,
  key: string,
  path: string,
  options?: PutObjectOptions,
): Promise<ObjectHead> {
  return (await store.adopt?.(key, path, options)) ?? assert.fail('the store has no adopt')
}

function pathOf(store: ObjectStore, key: string): string {
  return store.localPath?.(key) ?? assert.fail('the store has no localPath')
}

const adopting: readonly ObjectStoreCase[] = [
  {
    id: 'adopt.takes-over',
    claim: 'adopt() stores the bytes of the file and takes the file away',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      const path = await scratchFile(bytes)
      const head = await adopt(store, 'kit/adopted', path, { checksum: digestOf(bytes) })
      assert.equal(head.key, 'kit/adopted')
      assert.equal(head.sizeBytes, bytes.byteLength)
      assert.ok(!existsSync(path), 'the file is still in its old place')
      await holds(store, 'kit/adopted', bytes, 'after adopt()')
      assert.equal((await store.head('kit/adopted'))?.etag, head.etag)
    },
  },
  {
    id: 'adopt.empty',
    claim: 'adopt() takes an empty file',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      await adopt(store, 'kit/adopted', await scratchFile(new Uint8Array(0)))
      await holds(store, 'kit/adopted', '', 'after adopt()')
    },
  },
  {
    id: 'adopt.replaces',
    claim: 'adopt() over an existing key replaces it, under another etag; readers keep the old bytes',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      const old = await putBytes(store, 'kit/adopted', 'old')
      const reader = await store.get('kit/adopted')
      const head = await adopt(store, 'kit/adopted', await scratchFile(bytes))
      assert.notEqual(head.etag, old.etag)
      assert.ok(reader !== undefined)
      const chunks: Uint8Array[] = []
      for await (const chunk of openStream(reader)) chunks.push(chunk as Uint8Array)
      sameBytes(Buffer.concat(chunks), Buffer.from('old'), 'the reader opened before')
      await holds(store, 'kit/adopted', bytes, 'after adopt()')
    },
  },
  {
    id: 'adopt.when',
    claim: 'adopt() when absent is refused on a taken key, whose object stays',
    needs: ['adopt', 'conditional-put'],
    async check({ store, scratchFile }) {
      await putBytes(store, 'kit/adopted', 'old')
      const path = await scratchFile(bytes)
      await rejectsWith(
        'MEDIA_PRECONDITION',
        adopt(store, 'kit/adopted', path, { when: { type: 'absent' } }),
        'adopt()',
      )
      await holds(store, 'kit/adopted', 'old', 'after the refusal')
    },
  },
  {
    id: 'adopt.race',
    claim: 'adopt() when absent by 8 at once has exactly one winner',
    needs: ['adopt', 'conditional-put'],
    async check({ store, scratchFile }) {
      const paths = await Promise.all(
        Array.from({ length: 8 }, (_, index) => scratchFile(new Uint8Array(100 + index))),
      )
      const outcomes = await Promise.allSettled(
        paths.map((path) => adopt(store, 'kit/race', path, { when: { type: 'absent' } })),
      )
      const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []))
      assert.equal(winners.length, 1, `${winners.length} calls won`)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          assert.ok(isMediaError(outcome.reason, 'MEDIA_PRECONDITION'), String(outcome.reason))
      }
      assert.equal((await readAll(store, 'kit/race')).byteLength, 100 + (winners[0] ?? -1))
    },
  },
  {
    id: 'adopt.no-file',
    claim: 'adopt() of a file that is not there fails and creates nothing',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      const path = `${await scratchFile(bytes)}-not-there`
      const error = await rejectionOf(adopt(store, 'kit/adopted', path), 'adopt()')
      assert.ok(isMediaError(error), `adopt() threw ${String(error)}`)
      await isAbsent(store, 'kit/adopted', 'after the failure')
    },
  },
  {
    id: 'adopt.bad-key',
    claim: 'adopt() refuses a bad key and leaves the file in its place',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      const path = await scratchFile(bytes)
      for (const key of ['', 'nul\0l'])
        await rejectsWith('MEDIA_BAD_INPUT', adopt(store, key, path), 'adopt()')
      sameBytes(await readFile(path), bytes, 'the file')
    },
  },
  {
    id: 'adopt.closed',
    claim: 'adopt() after close() is MEDIA_CLOSED and leaves the file in its place',
    needs: ['adopt'],
    async check({ store, scratchFile }) {
      const path = await scratchFile(bytes)
      await store.close()
      await rejectsWith('MEDIA_CLOSED', adopt(store, 'kit/adopted', path), 'adopt()')
      sameBytes(await readFile(path), bytes, 'the file')
    },
  },
  {
    id: 'adopt.staged',
    claim:
      'adopt() of a staged body frees its room in staging once it is discarded, and discard() leaves the object',
    needs: ['adopt', 'staging'],
    async check({ store }) {
      const writer = await store.staging?.create({ name: 'kit-adopt', sizeBytes: bytes.byteLength })
      if (writer === undefined) return assert.fail('the store has no staging')
      await writer.write(bytes)
      const body = await writer.finish(digestOf(bytes))
      if (body.path === undefined) return assert.fail('a staged body of a store with adopt has no path')
      await adopt(store, 'kit/adopted', body.path)
      await body.discard()
      assert.equal(store.staging?.usedBytes, 0)
      await holds(store, 'kit/adopted', bytes, 'after discard()')
    },
  },
]

const paths: readonly ObjectStoreCase[] = [
  {
    id: 'local-path.bytes',
    claim: 'the file at localPath() holds exactly the bytes of the object, also after it was replaced',
    needs: ['localPath'],
    async check({ store }) {
      await putBytes(store, 'kit/local', bytes)
      sameBytes(await readFile(pathOf(store, 'kit/local')), bytes, 'the file')
      await putBytes(store, 'kit/local', 'new')
      sameBytes(await readFile(pathOf(store, 'kit/local')), Buffer.from('new'), 'the file after a put')
      await store.delete('kit/local')
      assert.ok(!existsSync(pathOf(store, 'kit/local')), 'the file is there after delete()')
    },
  },
  {
    id: 'local-path.distinct',
    claim: 'localPath() tells an absolute path of its own for each key, present or not, inside one directory',
    needs: ['localPath'],
    async check({ store }) {
      const keys = ['a', 'A', 'a/b', '../a', 'a%2fb', 'caf\u00e9', 'cafe\u0301']
      const found = new Set<string>()
      for (const key of keys) {
        try {
          const path = pathOf(store, key)
          assert.ok(path.startsWith('/') || /^[A-Za-z]:\\/.test(path), `${path} is not absolute`)
          assert.ok(!path.split(/[\\/]/).includes('..'), `${path} climbs`)
          assert.ok(!found.has(path), `two keys share ${path}`)
          found.add(path)
        } catch (error) {
          if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
        }
      }
      assert.ok(found.size > 1)
    },
  },
]

const volumes: readonly ObjectStoreCase[] = [
  {
    id: 'identity.stable',
    claim: 'identity() tells the same id and layout each time, whatever is put',
    needs: ['identity'],
    async check({ store }) {
      const first = await store.identity?.()
      assert.ok(
        first !== undefined && first.id.length > 0 && Number.isInteger(first.layout),
        JSON.stringify(first),
      )
      await putBytes(store, 'kit/x', 'x')
      assert.deepEqual(await store.identity?.(), first)
    },
  },
  {
    id: 'identity.shared',
    claim: 'identity() belongs to the bytes: another store over them tells the same',
    needs: ['identity', 'second'],
    async check({ store, second }) {
      assert.deepEqual(await (await second()).identity?.(), await store.identity?.())
    },
  },
]

export const localCases: readonly ObjectStoreCase[] = [...adopting, ...paths, ...volumes]
