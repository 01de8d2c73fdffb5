import assert from 'node:assert/strict'
import { bytesSource, type ObjectStore } from '@mediakeep/core'
import { gatedSource } from '../../bodies.ts'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { listAll, pagesOf, putBytes, rejectsWith } from '../expect.ts'

const empty = bytesSource(new Uint8Array(0))

async function putAll(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 32) {
    await Promise.all(keys.slice(at, at + 32).map((key) => store.put(key, empty)))
  }
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `kit/n/${String(index).padStart(5, '0')}`)

async function keysOf(
  store: ObjectStore,
  options: { prefix?: string; limit?: number } = {},
): Promise<readonly string[]> {
  return (await listAll(store, options)).map((object) => object.key)
}

function sameSet(actual: readonly string[], expected: readonly string[], what: string): void {
  assert.deepEqual([...actual].sort(), [...expected].sort(), what)
}

const pages: readonly ObjectStoreCase[] = [
  {
    id: 'list.empty',
    claim: 'list() of an empty store is one empty page without cursor',
    async check({ store }) {
      const page = await store.list()
      assert.deepEqual([...page.objects], [])
      assert.equal(page.cursor, undefined)
    },
  },
  {
    id: 'list.over-a-thousand',
    claim: 'list() gives each of 1,205 objects once, over pages of at most 1,000',
    async check({ store }) {
      const keys = numbered(1_205)
      await putAll(store, keys)
      const first = await store.list()
      assert.ok(first.objects.length <= 1_000, `a page of ${first.objects.length}`)
      assert.ok(first.cursor !== undefined, 'no cursor although there is more')
      sameSet(await keysOf(store), keys, 'all pages')
    },
  },
  {
    id: 'list.limit',
    claim: 'list() gives pages no larger than the limit, and none that is empty in between',
    async check({ store }) {
      const keys = numbered(6)
      await putAll(store, keys)
      for (const limit of [1, 2, 3, 4, 6, 7, 1_000]) {
        const seen: string[] = []
        for await (const { objects, cursor } of pagesOf(store, { limit })) {
          assert.ok(objects.length <= limit, `a page of ${objects.length} for the limit ${limit}`)
          assert.ok(objects.length > 0 || cursor === undefined, 'an empty page in between')
          seen.push(...objects.map((object) => object.key))
        }
        sameSet(seen, keys, `limit ${limit}`)
      }
    },
  },
  {
    id: 'list.limit.cursor',
    claim: 'list() gives a cursor exactly while there is more',
    async check({ store }) {
      const keys = numbered(6)
      await putAll(store, keys)
      for (const limit of [1, 2, 3, 4, 6, 7, 1_000]) {
        const seen: string[] = []
        for await (const { objects, cursor } of pagesOf(store, { limit })) {
          seen.push(...objects.map((object) => object.key))
          assert.equal(
            cursor !== undefined,
            seen.length < keys.length,
            `cursor after ${seen.length} of 6 with the limit ${limit}`,
          )
        }
      }
    },
  },
  {
    id: 'list.limit.bad',
    claim: 'list() refuses a limit that is not an integer from 1 to 1,000',
    async check({ store }) {
      for (const limit of [0, -1, 1_001, 1.5, Number.NaN]) {
        await rejectsWith('MEDIA_BAD_INPUT', store.list({ limit }), `limit ${limit}`)
      }
    },
  },
  {
    id: 'list.cursor.garbage',
    claim: 'list() refuses a cursor it never gave, instead of starting anew',
    async check({ store }) {
      await putAll(store, numbered(5))
      const { cursor = '' } = await store.list({ limit: 2 })
      for (const garbage of ['garbage', '', '!!!', '../..', `${cursor}!`]) {
        await rejectsWith(
          'MEDIA_BAD_INPUT',
          store.list({ cursor: garbage }),
          `cursor ${JSON.stringify(garbage)}`,
        )
      }
    },
  },
  {
    id: 'list.cursor.other-store',
    claim: 'a cursor works in another store over the same bytes',
    needs: ['second'],
    async check({ store, second }) {
      await putAll(store, numbered(5))
      const first = await store.list({ limit: 2 })
      assert.ok(first.cursor !== undefined)
      const rest = await (await second()).list({ cursor: first.cursor })
      sameSet(
        [...first.objects, ...rest.objects].map((object) => object.key),
        numbered(5),
        'both pages',
      )
    },
  },
  {
    id: 'list.stable.insert',
    claim: 'list() gives each object that was there from the start once, whatever is put between pages',
    async check({ store }) {
      const keys = numbered(30).map((key) => `${key}-m`)
      await putAll(store, keys)
      const seen: string[] = []
      let round = 0
      for await (const { objects, cursor } of pagesOf(store, { limit: 7 })) {
        seen.push(...objects.map((object) => object.key))
        if (cursor === undefined) break
        await putAll(store, [
          `kit/a${round}`,
          `kit/n/00000-a${round}`,
          `kit/n/00015-z${round}`,
          `kit/z${round}`,
        ])
        round++
      }
      const counts = keys.map((key) => seen.filter((found) => found === key).length)
      assert.deepEqual(
        counts,
        keys.map(() => 1),
      )
      assert.equal(new Set(seen).size, seen.length, 'an object is on two pages')
    },
  },
  {
    id: 'list.stable.delete',
    claim: 'list() skips no object that stays, whatever is deleted between pages',
    async check({ store }) {
      const keys = numbered(30)
      await putAll(store, keys)
      const seen: string[] = []
      for await (const { objects } of pagesOf(store, { limit: 5 })) {
        const found = objects.map((object) => object.key)
        seen.push(...found)
        await store.deleteMany(found) // also the one the cursor stands on
      }
      sameSet(seen, keys, 'all pages')
    },
  },
  {
    id: 'list.stable.order',
    claim: 'list() gives the same order each time and for each page size',
    async check({ store }) {
      await putAll(store, ['kit/b', 'kit/a', 'kit/c/1', 'kit/c', 'kit/B', 'kit/10', 'kit/9'])
      const whole = await keysOf(store)
      assert.deepEqual(await keysOf(store), whole, 'a second time')
      assert.deepEqual(await keysOf(store, { limit: 2 }), whole, 'by two')
    },
  },
  {
    id: 'list.folder-siblings',
    claim:
      'list() in pages gives what lies in a folder and after it, however many siblings sort before the folder',
    async check({ store }) {
      const keys = ['-', '.', '/', '0'].flatMap((mark) =>
        Array.from({ length: 9 }, (_, index) => `kit/photos${mark}${index}`),
      )
      await putAll(store, [...keys, 'kit/zoo'])
      for (const limit of [1, 4, 7])
        sameSet(await keysOf(store, { limit }), [...keys, 'kit/zoo'], `by ${limit}`)
    },
  },
  {
    id: 'list.order.key',
    claim: 'list() is in ascending byte order of the keys, also where UTF-16 order differs',
    needs: ['list-order'],
    async check({ store }) {
      const keys = [
        'kit/a',
        'kit/B',
        'kit/a-',
        'kit/a/b',
        'kit/ab',
        'kit/\uffff',
        'kit/\u{1f4f7}',
        'kit/\u00e9',
        'kit/~',
        'kit/10',
        'kit/9',
        'kit/A',
      ]
      await putAll(store, keys)
      const expected = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      assert.deepEqual(await keysOf(store), expected)
      assert.deepEqual(await keysOf(store, { limit: 3 }), expected, 'by three')
    },
  },
]

const prefixes: readonly ObjectStoreCase[] = [
  {
    id: 'list.prefix.sibling',
    claim: 'list() of the prefix a/a/ gives nothing of a/aaa/ or a/a',
    async check({ store }) {
      await putAll(store, ['kit/a/a/1', 'kit/a/a/b/2', 'kit/a/aaa/3', 'kit/a/a4', 'kit/a/A/5', 'kit/b/a/a/6'])
      sameSet(await keysOf(store, { prefix: 'kit/a/a/' }), ['kit/a/a/1', 'kit/a/a/b/2'], 'prefix kit/a/a/')
    },
  },
  {
    id: 'list.prefix.part',
    claim: 'list() takes a prefix that ends inside a name, and one that is a whole key',
    async check({ store }) {
      await putAll(store, ['kit/photo', 'kit/photo1', 'kit/photos/x', 'kit/phone', 'kit/Photo2'])
      sameSet(
        await keysOf(store, { prefix: 'kit/photo' }),
        ['kit/photo', 'kit/photo1', 'kit/photos/x'],
        'prefix kit/photo',
      )
    },
  },
  {
    id: 'list.prefix.none',
    claim: 'list() of a prefix that no key has is empty; the empty prefix is every key',
    async check({ store }) {
      await putAll(store, ['kit/a', 'kit/b'])
      assert.deepEqual(await keysOf(store, { prefix: 'kit/a/' }), [])
      assert.deepEqual(await keysOf(store, { prefix: 'zzz' }), [])
      sameSet(await keysOf(store, { prefix: '' }), ['kit/a', 'kit/b'], 'the empty prefix')
    },
  },
  {
    id: 'list.prefix.pages',
    claim: 'list() of a prefix in pages gives its keys once and no other',
    async check({ store }) {
      const own = Array.from({ length: 25 }, (_, index) => `kit/p/${index}`)
      await putAll(store, [
        ...own,
        ...Array.from({ length: 10 }, (_, index) => `kit/o${index}`),
        'kit/q',
        'kit/p',
      ])
      sameSet(await keysOf(store, { prefix: 'kit/p/', limit: 4 }), own, 'prefix kit/p/')
    },
  },
  {
    id: 'list.prefix.literal',
    claim: 'list() takes the prefix as it stands: no glob, no SQL pattern, no decoding',
    async check({ store }) {
      const keys = ['kit/%', 'kit/%41', 'kit/A', 'kit/_', 'kit/*', 'kit/[a]', 'kit/a', 'kit/.', 'kit/?']
      await putAll(
        store,
        keys.filter((key) => key !== 'kit/.'),
      )
      for (const prefix of ['kit/%', 'kit/_', 'kit/*', 'kit/[a]', 'kit/.', 'kit/?', 'kit/%4']) {
        const expected = keys.filter((key) => key !== 'kit/.' && key.startsWith(prefix))
        sameSet(await keysOf(store, { prefix }), expected, `prefix ${prefix}`)
      }
    },
  },
  {
    id: 'list.fresh',
    claim: 'list() shows a put and a delete at once',
    async check({ store }) {
      await putBytes(store, 'kit/fresh', 'x')
      assert.deepEqual(await keysOf(store), ['kit/fresh'])
      await store.delete('kit/fresh')
      assert.deepEqual(await keysOf(store), [])
    },
  },
  {
    id: 'list.under-way',
    claim: 'list() does not show a put that is under way, neither under its key nor under another',
    async check({ store }) {
      const source = gatedSource(seededBytes(60, 300_000), 250_000)
      const put = store.put('kit/under-way', source)
      await Promise.race([source.reached, put])
      assert.deepEqual(await keysOf(store), [])
      source.release()
      await put
      assert.deepEqual(await keysOf(store), ['kit/under-way'])
    },
  },
]

export const listCases: readonly ObjectStoreCase[] = [...pages, ...prefixes]
