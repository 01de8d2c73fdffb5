import { existsSync } from 'node:fs'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { over, present, type StoreMutant, sourceOf } from './mutant.ts'

/** Files that are taken over, and paths told. */
export const localMutants: readonly StoreMutant[] = [
  {
    id: 'adopt-copies',
    fault: 'adopt() leaves the file in its place',
    local: true,
    convictedBy: ['adopt.takes-over'],
    break: (store) =>
      over(store, {
        async adopt(key, path, options) {
          await copyFile(path, `${path}.copy`)
          return present(store.adopt)(key, `${path}.copy`, options)
        },
      }),
  },
  {
    id: 'adopt-cuts',
    fault: 'adopt() loses the last byte',
    local: true,
    convictedBy: ['adopt.takes-over', 'adopt.replaces'],
    break: (store) =>
      over(store, {
        async adopt(key, path) {
          const bytes = await readFile(path)
          await rm(path)
          return store.put(key, sourceOf(bytes.subarray(0, -1)))
        },
      }),
  },
  {
    id: 'adopt-skips-empty',
    fault: 'adopt() of an empty file does nothing',
    local: true,
    convictedBy: ['adopt.empty'],
    break: (store) =>
      over(store, {
        async adopt(key, path, options) {
          const head = await present(store.adopt)(key, path, options)
          if (head.sizeBytes === 0) await store.delete(key)
          return head
        },
      }),
  },
  {
    id: 'adopt-keeps-old',
    fault: 'adopt() over an existing key keeps what is there',
    local: true,
    convictedBy: ['adopt.replaces'],
    break: (store) =>
      over(store, {
        adopt: async (key, path, options) =>
          (await store.head(key)) ?? present(store.adopt)(key, path, options),
      }),
  },
  {
    id: 'adopt-ignores-options',
    fault: 'the condition of adopt() is not looked at',
    local: true,
    convictedBy: ['adopt.when', 'adopt.race'],
    break: (store) => over(store, { adopt: (key, path) => present(store.adopt)(key, path) }),
  },
  {
    id: 'adopt-missing-is-empty',
    fault: 'adopt() of a file that is not there stores an empty object',
    local: true,
    convictedBy: ['adopt.no-file'],
    break: (store) =>
      over(store, {
        adopt: (key, path, options) =>
          existsSync(path)
            ? present(store.adopt)(key, path, options)
            : store.put(key, sourceOf(new Uint8Array(0)), options),
      }),
  },
  {
    id: 'adopt-takes-first',
    fault: 'adopt() takes the file before it knows that it may',
    local: true,
    convictedBy: ['adopt.bad-key', 'adopt.closed'],
    break: (store) =>
      over(store, {
        async adopt(key, path, options) {
          const bytes = await readFile(path)
          await rm(path)
          return store.put(key, sourceOf(bytes), options)
        },
      }),
  },
  {
    id: 'adopt-keeps-room',
    fault: 'discard() after adopt() takes the object',
    local: true,
    convictedBy: ['adopt.staged'],
    break(store) {
      const staging = present(store.staging)
      const adopted = new Map<string, string>()
      return over(store, {
        adopt: (key, path, options) => (adopted.set(path, key), present(store.adopt)(key, path, options)),
        staging: {
          get usedBytes() {
            return staging.usedBytes
          },
          budgetBytes: staging.budgetBytes,
          sweep: (keep) => staging.sweep(keep),
          async create(options) {
            const writer = await staging.create(options)
            return {
              ...writer,
              async finish(digest) {
                const body = await writer.finish(digest)
                return {
                  ...body,
                  async discard() {
                    await body.discard()
                    const key = adopted.get(body.path ?? '')
                    if (key !== undefined) await store.delete(key)
                  },
                }
              },
            }
          },
        },
      })
    },
  },
  {
    id: 'path-of-first-put',
    fault: 'the file at localPath() is not renewed by a second put',
    local: true,
    convictedBy: ['local-path.bytes'],
    break(store) {
      const first = new Set<string>()
      const pathOf = present(store.localPath)
      return over(store, {
        async put(key, source, options) {
          const head = await store.put(key, source, options)
          if (!first.has(key)) await copyFile(pathOf(key), `${pathOf(key)}.first`)
          first.add(key)
          return head
        },
        localPath: (key) => `${pathOf(key)}.first`,
      })
    },
  },
  {
    id: 'path-lower-case',
    fault: 'two keys that differ in case share a path',
    local: true,
    convictedBy: ['local-path.distinct'],
    break: (store) => over(store, { localPath: (key) => present(store.localPath)(key.toLowerCase()) }),
  },
]
