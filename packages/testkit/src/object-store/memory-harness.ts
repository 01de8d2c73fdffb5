import {
  createMemoryVolume,
  type MemoryStore,
  type MemoryVolume,
  memoryStore,
  type ObjectStore,
  systemClock,
} from '@mediakeep/core'
import type { ObjectStoreHarness } from './harness.ts'

/** A memory store of 256 MiB, wrapped: what decorators and mutants are judged on. */
export function memoryHarness(
  wrap: (store: MemoryStore) => ObjectStore = (store) => store,
): ObjectStoreHarness {
  return {
    async create() {
      const volume: MemoryVolume = createMemoryVolume({ maxBytes: 256 * 1024 * 1024, clock: systemClock })
      const inner = memoryStore({ volume })
      return {
        store: wrap(inner),
        async second() {
          return wrap(memoryStore({ volume }))
        },
        openHandles: () => inner.openCount,
        async leftovers() {
          return volume.usedBytes === 0 ? [] : [`${volume.usedBytes} bytes of room without an object`]
        },
        async cleanup() {},
      }
    },
  }
}
