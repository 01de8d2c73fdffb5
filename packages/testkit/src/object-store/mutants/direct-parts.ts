import type { DirectParts, ObjectStore } from '@mediakeep/core'
import { over, present, type StoreMutant } from './mutant.ts'

function withParts(store: ObjectStore, change: (parts: DirectParts) => Partial<DirectParts>): ObjectStore {
  const inner = present(store.directParts)
  return over(store, { directParts: { ...inner, ...change(inner) } })
}

/** Faults of bodies that others send in parts. */
export const directPartsMutants: readonly StoreMutant[] = [
  {
    id: 'direct-parts.as-told',
    fault: 'complete() takes the order it is told the parts in',
    convictedBy: ['direct-parts.made'],
    break: (store) =>
      withParts(store, (inner) => ({
        list: async (upload, options) => (await inner.list(upload, options))?.toReversed(),
      })),
  },
  {
    id: 'direct-parts.unchecked',
    fault: 'complete() takes what is there, whatever was told of it',
    convictedBy: ['direct-parts.changed'],
    break: (store) =>
      withParts(store, (inner) => ({
        complete: async (upload, _, options) =>
          inner.complete(upload, (await inner.list(upload)) ?? [], options),
      })),
  },
  {
    id: 'direct-parts.any-length',
    fault: 'an address does not bind the length',
    convictedBy: ['direct-parts.exact'],
    break: (store) =>
      withParts(store, (inner) => ({
        sign: (upload, { number, expiresAt }) => inner.sign(upload, { number, expiresAt }),
      })),
  },
  {
    id: 'direct-parts.forgets',
    fault: 'an upload that is over is told as one without parts',
    convictedBy: ['direct-parts.over', 'direct-parts.abort'],
    break: (store) =>
      withParts(store, (inner) => ({
        list: async (upload, options) => (await inner.list(upload, options)) ?? [],
      })),
  },
  {
    id: 'direct-parts.goes-on',
    fault: 'a completed upload begins again under its key',
    convictedBy: ['direct-parts.over'],
    break: (store) => {
      const anew = new Map<string, string>()
      return withParts(store, (inner) => ({
        async complete(upload, parts, options) {
          const head = await inner.complete(upload, parts, options)
          anew.set(upload.uploadId, (await inner.begin(upload.key)).uploadId)
          return head
        },
        list: (upload, options) =>
          inner.list({ ...upload, uploadId: anew.get(upload.uploadId) ?? upload.uploadId }, options),
      }))
    },
  },
  {
    id: 'direct-parts.ends-one',
    fault: 'abort() ends nothing',
    convictedBy: ['direct-parts.abort', 'direct-parts.exact'],
    break: (store) => withParts(store, () => ({ abort: async () => {} })),
  },
  {
    id: 'direct-parts.deletes',
    fault: 'abort() deletes the object too',
    convictedBy: ['direct-parts.abort'],
    break: (store) =>
      withParts(store, (inner) => ({
        async abort(key, options) {
          await inner.abort(key, options)
          await store.delete(key)
        },
      })),
  },
]
