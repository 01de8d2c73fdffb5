import assert from 'node:assert/strict'
import { bytesSource, isMediaError, type ObjectStore } from '@mediakeep/core'
import { nastyKeys, oddPathKeys } from '../../names.ts'
import type { ObjectStoreCase } from '../context.ts'
import { holds, isAbsent, listAll, putBytes, rejectsWith } from '../expect.ts'

/** Puts each key with its own bytes, then finds each exactly as it was given. */
async function roundTrip(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const head = await putBytes(store, key, `bytes of ${key}`)
    assert.equal(head.key, key, 'the key that put() tells')
  }
  for (const key of keys) {
    await holds(store, key, `bytes of ${key}`, JSON.stringify(key))
    assert.equal((await store.head(key))?.key, key, 'the key that head() tells')
  }
  const listed = (await listAll(store)).map((object) => object.key)
  assert.deepEqual([...listed].sort(), [...keys].sort(), 'the keys that list() tells')
  for (const key of keys) await store.delete(key)
  assert.deepEqual(await listAll(store), [], 'after each was deleted')
}

const groups: readonly ObjectStoreCase[] = nastyKeys.map((group) => ({
  id: `keys.${group.id}`,
  claim: `${group.names.length} keys are kept and listed exactly, although ${group.risk}`,
  async check({ store }) {
    // Alone and inside a path: some layouts fold only whole segments, others only whole keys.
    await roundTrip(store, group.names)
    await roundTrip(
      store,
      group.names.map((name) => `kit/${name}/x`),
    )
  },
}))

/** Every member that takes a key, with a bad one. */
function callsWith(store: ObjectStore, key: string): readonly (readonly [string, () => Promise<unknown>])[] {
  const calls: [string, () => Promise<unknown>][] = [
    ['put', () => store.put(key, bytesSource(Buffer.from('x')))],
    ['get', () => store.get(key)],
    ['head', () => store.head(key)],
    ['delete', () => store.delete(key)],
  ]
  const { createWriter, openFile, localPath } = store
  if (createWriter !== undefined) calls.push(['createWriter', () => createWriter.call(store, key)])
  if (openFile !== undefined) calls.push(['openFile', () => openFile.call(store, key)])
  if (localPath !== undefined) calls.push(['localPath', async () => localPath.call(store, key)])
  return calls
}

function refusalCase(
  id: string,
  claim: string,
  keysOf: (store: ObjectStore) => readonly string[],
): ObjectStoreCase {
  return {
    id: `keys.refused.${id}`,
    claim,
    async check({ store }) {
      await putBytes(store, 'kit/x', 'x')
      for (const key of keysOf(store)) {
        for (const [member, call] of callsWith(store, key)) {
          await rejectsWith('MEDIA_BAD_INPUT', call(), `${member}(${JSON.stringify(key.slice(0, 20))})`)
        }
      }
      assert.deepEqual(
        (await listAll(store)).map((object) => object.key),
        ['kit/x'],
      )
    },
  }
}

export const keyCases: readonly ObjectStoreCase[] = [
  ...groups,
  {
    id: 'keys.longest',
    claim: 'a key of exactly maxKeyBytes is kept, counted in bytes of UTF-8',
    async check({ store }) {
      const { maxKeyBytes } = store.traits
      const ascii = 'k'.repeat(maxKeyBytes)
      const wide = '\u00e9'.repeat(Math.floor(maxKeyBytes / 2)) + 'k'.repeat(maxKeyBytes % 2)
      await roundTrip(store, [ascii, wide])
    },
  },
  {
    id: 'keys.prefix-of-another',
    claim: 'a key may be the beginning of another key, with and without a slash between',
    async check({ store }) {
      await roundTrip(store, ['kit/a', 'kit/a/b', 'kit/a/b/c', 'kit/ab', 'kit/a.b'])
      await roundTrip(store, ['kit/z/y/x', 'kit/z/y', 'kit/z'])
    },
  },
  {
    id: 'keys.odd-paths',
    claim: 'a key that looks like another path is kept exactly or refused, and never reaches another key',
    async check({ store }) {
      const plain = ['lead', 'trail', 'a/b', 'a', 'b', 'etc/passwd', '_']
      for (const key of plain) await putBytes(store, key, `plain ${key}`)
      const kept: string[] = []
      for (const key of oddPathKeys) {
        try {
          await putBytes(store, key, `odd ${key}`)
          kept.push(key)
        } catch (error) {
          assert.ok(
            isMediaError(error, 'MEDIA_BAD_INPUT'),
            `${JSON.stringify(key)} failed with ${String(error)}`,
          )
          await rejectsWith(
            'MEDIA_BAD_INPUT',
            store.head(key),
            `head(${JSON.stringify(key)}) after put() refused the key`,
          )
        }
      }
      for (const key of kept) await holds(store, key, `odd ${key}`, JSON.stringify(key))
      for (const key of plain) await holds(store, key, `plain ${key}`, JSON.stringify(key))
      const listed = (await listAll(store)).map((object) => object.key)
      assert.deepEqual(listed.sort(), [...plain, ...kept].sort())
    },
  },
  refusalCase('empty', 'every member refuses the empty key', () => ['']),
  refusalCase('nul', 'every member refuses a key with a NUL', () => ['nul\0l', '\0', 'kit/x\0.jpg']),
  refusalCase(
    'too-long',
    'every member refuses a key one byte longer than maxKeyBytes, counted in UTF-8',
    ({ traits }) => [
      'k'.repeat(traits.maxKeyBytes + 1),
      `${'\u00e9'.repeat(Math.floor(traits.maxKeyBytes / 2))}kk`.slice(0, traits.maxKeyBytes),
    ],
  ),
  refusalCase('half-surrogate', 'every member refuses a key that is not Unicode', () => [
    'kit/\ud83d',
    '\udcf7x',
  ]),
  {
    id: 'keys.second-store',
    claim: 'another store over the same bytes finds each nasty key exactly',
    needs: ['second'],
    async check({ store, second }) {
      const keys = nastyKeys.map((group) => group.names[0] ?? '')
      for (const key of keys) await putBytes(store, key, key)
      const other = await second()
      for (const key of keys) await holds(other, key, key, JSON.stringify(key))
      await other.deleteMany(keys)
      for (const key of keys) await isAbsent(store, key, 'after the other store deleted it')
    },
  },
]
