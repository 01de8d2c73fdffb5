import type { ObjectStore } from '@mediakeep/core'
import { ROOT } from './image.ts'

/** Which objects of a disk are gone for good: their removal was acknowledged, and nobody gave them their name since it began. */
export interface Removals {
  /** Something has got this name. */
  named(path: string): void
  isRemoved(key: string): boolean
  /** The store of a process on this disk, whose removals are written down. */
  watched(store: ObjectStore): ObjectStore
}

export function createRemovals(): Removals {
  const removed = new Set<string>()
  /** How often each key got its name. */
  const births = new Map<string, number>()
  const prefix = `${ROOT}/objects/`
  return {
    named(path) {
      if (!path.startsWith(prefix)) return
      const key = path.slice(prefix.length)
      births.set(key, (births.get(key) ?? 0) + 1)
      removed.delete(key)
    },
    isRemoved: (key) => removed.has(key),
    watched: (store) => ({
      ...store,
      async delete(key, call) {
        const before = births.get(key)
        await store.delete(key, call)
        if (births.get(key) === before) removed.add(key)
      },
    }),
  }
}
