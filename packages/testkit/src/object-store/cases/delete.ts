import assert from 'node:assert/strict'
import type { ObjectStoreCase } from '../context.ts'
import { holds, isAbsent, listAll, putBytes } from '../expect.ts'

export const deleteCases: readonly ObjectStoreCase[] = [
  {
    id: 'delete.removes',
    claim: 'delete() removes the object from head(), get() and list()',
    async check({ store }) {
      await putBytes(store, 'kit/gone', 'x')
      await store.delete('kit/gone')
      await isAbsent(store, 'kit/gone', 'after delete()')
    },
  },
  {
    id: 'delete.idempotent',
    claim: 'delete() of what is absent succeeds, also twice',
    async check({ store }) {
      await store.delete('kit/never')
      await putBytes(store, 'kit/gone', 'x')
      await store.delete('kit/gone')
      await store.delete('kit/gone')
    },
  },
  {
    id: 'delete.only-that',
    claim: 'delete() touches no other key: no sibling, no key below, no key above',
    async check({ store }) {
      const kept = ['kit/a/', 'kit/ab', 'kit/a%', 'kit/A', 'kit/b']
      for (const key of [...kept, 'kit/a']) await putBytes(store, key, key)
      await store.delete('kit/a')
      for (const key of kept) await holds(store, key, key, 'after the delete of kit/a')
    },
  },
  {
    id: 'delete.then-put',
    claim: 'put() after delete() stores the new bytes',
    async check({ store }) {
      await putBytes(store, 'kit/again', 'old')
      await store.delete('kit/again')
      await putBytes(store, 'kit/again', 'new')
      await holds(store, 'kit/again', 'new', 'get()')
    },
  },
  {
    id: 'delete-many.in-order',
    claim: 'deleteMany() answers once per key in the order given, also for absent and repeated keys',
    async check({ store }) {
      for (const key of ['kit/1', 'kit/2', 'kit/3']) await putBytes(store, key, key)
      const keys = ['kit/3', 'kit/none', 'kit/1', 'kit/3', 'kit/2']
      const results = await store.deleteMany(keys)
      assert.deepEqual(
        results.map((result) => result.key),
        keys,
      )
      for (const result of results) assert.equal(result.error, undefined, result.key)
      assert.deepEqual(await listAll(store), [])
    },
  },
  {
    id: 'delete-many.none',
    claim: 'deleteMany() of no keys answers nothing and deletes nothing',
    async check({ store }) {
      await putBytes(store, 'kit/stays', 'x')
      assert.deepEqual([...(await store.deleteMany([]))], [])
      await holds(store, 'kit/stays', 'x', 'after deleteMany([])')
    },
  },
  {
    id: 'delete-many.bad-key',
    claim: 'deleteMany() tells a key that cannot be deleted apart, and still deletes the others',
    async check({ store }) {
      for (const key of ['kit/1', 'kit/2', 'kit/3']) await putBytes(store, key, key)
      const results = await store.deleteMany(['kit/1', 'nul\0l', 'kit/2'])
      assert.deepEqual(
        results.map((result) => [result.key, result.error !== undefined]),
        [
          ['kit/1', false],
          ['nul\0l', true],
          ['kit/2', false],
        ],
      )
      assert.deepEqual(
        (await listAll(store)).map((object) => object.key),
        ['kit/3'],
      )
    },
  },
  {
    id: 'delete-many.over-a-thousand',
    claim: 'deleteMany() takes more keys than one request of any backend holds',
    async check({ store }) {
      const keys = Array.from({ length: 1_050 }, (_, index) => `kit/many/${index}`)
      await Promise.all(
        [keys[0], keys[999], keys[1_000], keys[1_049]].map((key) => putBytes(store, key ?? '', 'x')),
      )
      const results = await store.deleteMany(keys)
      assert.equal(results.length, keys.length)
      assert.deepEqual(await listAll(store), [])
    },
  },
]
