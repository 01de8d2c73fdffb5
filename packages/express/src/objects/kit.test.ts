import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { type HttpStore, httpStore } from '@mediakeep/adapters/http'
import {
  createMemoryVolume,
  type MemoryStore,
  memoryStore,
  type ObjectStore,
  systemClock,
} from '@mediakeep/core'
import { type ObjectStoreHarness, withFaults } from '@mediakeep/testkit'
import { describeObjectStore } from '@mediakeep/testkit/vitest'
import { afterAll } from 'vitest'
import { serveObjects } from './objects.fixture.ts'

const MAX_BYTES = 256 * 1024 * 1024

interface Backing {
  readonly store: ObjectStore
  openCount(): number
  leftovers(): Promise<readonly string[]>
  cleanup(): Promise<void>
}

function harness(
  back: () => Promise<Backing>,
  listOrder: 'key' | 'none',
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
): ObjectStoreHarness {
  return {
    async create() {
      const backing = await back()
      const { traits } = backing.store
      const served = await serveObjects(backing.store)
      const opened: HttpStore[] = []
      const open = (): ObjectStore => {
        const { maxKeyBytes, maxObjectBytes } = traits
        const store = httpStore({ url: served.url, traits: { maxKeyBytes, maxObjectBytes, listOrder } })
        opened.push(store)
        return wrap(store)
      }
      return {
        store: open(),
        second: async () => open(),
        openHandles: () => backing.openCount() + opened.reduce((sum, store) => sum + store.openCount, 0),
        outage: {
          begin: async () => void (served.isDown = true),
          end: async () => void (served.isDown = false),
        },
        leftovers: () => backing.leftovers(),
        async cleanup() {
          for (const store of opened) await store.close()
          await served.close()
          await backing.store.close()
          await backing.cleanup()
        },
      }
    },
  }
}

async function inMemory(): Promise<Backing> {
  const volume = createMemoryVolume({ maxBytes: MAX_BYTES, clock: systemClock })
  const store: MemoryStore = memoryStore({ volume })
  return {
    store,
    openCount: () => store.openCount,
    leftovers: async () => (volume.usedBytes === 0 ? [] : [`${volume.usedBytes} bytes without an object`]),
    cleanup: async () => {},
  }
}

/** A volume of 256 directories takes longest: one that was left clean is used again. */
const idle: string[] = []
afterAll(async () => {
  for (const parent of idle) await rm(parent, { recursive: true, force: true })
})

async function onDisk(): Promise<Backing> {
  const parent = idle.pop() ?? (await mkdtemp(join(tmpdir(), 'mediakeep-objects-')))
  const open = () => fsStore({ root: join(parent, 'volume'), durability: 'none', stagingHeadRoomBytes: 0 })
  const store = open()
  await store.open()
  return {
    store,
    openCount: () => store.openCount,
    leftovers: async () => [],
    async cleanup() {
      await using again = open()
      await again.open()
      if ((await again.list({ limit: 1 })).objects.length === 0) idle.push(parent)
      else await rm(parent, { recursive: true, force: true })
    },
  }
}

describeObjectStore('httpStore over a memory store', harness(inMemory, 'key'))
describeObjectStore('httpStore over a file system store', harness(onDisk, 'none'))
// What each variant adds is small, and each takes its time.
if (process.env['MEDIAKEEP_LONG'] === '1') {
  describeObjectStore(
    'httpStore under withFaults',
    harness(inMemory, 'key', (store) => withFaults(store).store),
  )
}
