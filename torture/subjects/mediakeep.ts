import { Readable } from 'node:stream'
import { isMediaError, type MediaStore } from '@mediakeep/core'
import { openMediaStore } from 'mediakeep'
import { LIMITS } from '../writers/bodies.ts'
import type { Subject } from './subject.ts'

/** The embedded default, as hosts open it: real files and the SQLite catalog in one folder. */
export async function openMediakeep(
  folder: string,
  durability: 'none' | 'durable' = 'durable',
): Promise<Subject> {
  return mediakeepSubject(
    await openMediaStore(folder, { durability, limits: LIMITS, upkeep: { intervalMs: 0 } }),
  )
}

export function mediakeepSubject(store: MediaStore): Subject {
  return {
    mayRefuse: false,
    async put(key, bytes) {
      // Half of the lengths as streams: larger ones of those are staged first, and then moved.
      const body =
        bytes.byteLength % 2 === 0 ? bytes : Readable.from([bytes.subarray(0, 500), bytes.subarray(500)])
      await store.put(body, { at: { key } })
    },
    async get(key) {
      try {
        await using reader = await store.open({ key })
        return await reader.bytes({ maxBytes: 1e9 })
      } catch (error) {
        if (isMediaError(error, 'MEDIA_ABSENT')) return undefined
        throw error
      }
    },
    delete: async (key) => void (await store.delete({ key })),
    async collect() {
      for await (const _ of store.upkeep.collectGarbage({ graceMs: 0, force: true })) continue
    },
    close: () => store.close(),
  }
}
