import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createMemoryVolume,
  type MemoryStore,
  type MemoryVolume,
  memoryStore,
  type ObjectStore,
  systemClock,
} from '@mediakeep/core'
import { injectedError } from '../faults/plan.ts'
import { withFaults } from '../faults/with-faults.ts'
import type { ObjectStoreFixture, ObjectStoreHarness } from './harness.ts'
import { localMemoryStore } from './local-memory-store.ts'
import { createPartsBackend, partsMemoryStore } from './parts-memory-store.ts'

const MAX_BYTES = 256 * 1024 * 1024

/** What a wrapper may do besides wrapping: count handles that it holds itself. */
export interface Held {
  count: number
}

export interface MemoryHarnessOptions {
  /** Around each store over the volume. */
  readonly wrap?: (store: ObjectStore, held: Held, volume: MemoryVolume) => ObjectStore
  /** With files beside the memory: `adopt`, `localPath` and staged paths. */
  readonly local?: boolean
  readonly timeoutMs?: number
}

/** A harness over memory stores: what decorators and mutants are judged on. */
export function memoryHarness(options: MemoryHarnessOptions = {}): ObjectStoreHarness {
  const { wrap = (store) => store, local = false } = options
  async function create(): Promise<ObjectStoreFixture> {
    const directory = local ? await mkdtemp(join(tmpdir(), 'mediakeep-memory-')) : undefined
    const volume = createMemoryVolume({ maxBytes: MAX_BYTES, clock: systemClock })
    const held: Held = { count: 0 }
    const backend = createPartsBackend()
    const opened: MemoryStore[] = []
    let broken = false
    const openStore = (): ObjectStore => {
      const memory = memoryStore({ volume })
      opened.push(memory)
      const placed = partsMemoryStore(
        directory === undefined ? memory : localMemoryStore(directory, memory),
        backend,
      )
      const failing = withFaults(placed, (member) => {
        return broken && member !== 'close'
          ? { type: 'fail', at: 'before', error: injectedError(member) }
          : undefined
      })
      return wrap(failing.store, held, volume)
    }
    return {
      store: openStore(),
      second: async () => openStore(),
      openHandles: () => held.count + opened.reduce((sum, memory) => sum + memory.openCount, 0),
      outage: {
        async begin() {
          broken = true
        },
        async end() {
          broken = false
        },
      },
      send: backend.send,
      leftovers: async () => [
        ...(volume.usedBytes === 0 ? [] : [`${volume.usedBytes} bytes of room without an object`]),
        ...[...backend.uploads.values()].map(({ key }) => `parts of ${key}`),
      ],
      async cleanup() {
        if (directory !== undefined) await rm(directory, { recursive: true, force: true })
      },
      ...(directory === undefined ? {} : { directory }),
    }
  }
  return { create, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) }
}
