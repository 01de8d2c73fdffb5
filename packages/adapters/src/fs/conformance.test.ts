import { renameSync } from 'node:fs'
import { type Clock, type Durability, systemClock } from '@mediakeep/core'
import type { ObjectStoreHarness } from '@mediakeep/testkit'
import { describeObjectStore } from '@mediakeep/testkit/vitest'
import { createFsFromVolume, Volume } from 'memfs'
import { afterAll } from 'vitest'
import { type FsStore, fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'

const idle: ReturnType<typeof makeRoot>[] = []
afterAll(() => {
  for (const { remove } of idle.splice(0)) remove()
})

/** A journal is no object: the kit leaves its segments. */
const isLeftOver = (file: string): boolean => !/^journal\/[0-9a-f-]{36}\.(log|snapshot)$/.test(file)

function onDisk(durability: Durability): ObjectStoreHarness {
  return {
    async create() {
      const { root, parent, remove } = idle.pop() ?? makeRoot()
      const options = { root, durability, stagingHeadRoomBytes: 0, sweepAfterMs: 0 }
      const store = fsStore(options)
      await store.open()
      return {
        store,
        second: async () => fsStore(options),
        directory: parent,
        // Files kept open after use belong to nobody; those that somebody holds are counted.
        openHandles: () => store.openCount,
        outage: {
          begin: async () => renameSync(root, `${root}-away`),
          end: async () => renameSync(`${root}-away`, root),
        },
        leftovers: async () => filesOf(root).filter(isLeftOver),
        // A volume of 256 directories takes longest: one that was left clean is used again.
        cleanup: async () =>
          filesOf(root).length === 0 ? void idle.push({ root, parent, remove }) : remove(),
      }
    },
  }
}

/** memfs keeps times in milliseconds and uses inode numbers again: there, two puts must not share a millisecond. */
let lastMs = 0
const neverTwice: Clock = { ...systemClock, now: () => (lastMs = Math.max(lastMs + 1, Date.now())) }

const inMemory: ObjectStoreHarness = {
  async create() {
    const fs = createFsFromVolume(new Volume())
    const options = { root: '/srv/media', fs, clock: neverTwice, stagingHeadRoomBytes: 0, sweepAfterMs: 0 }
    const store = fsStore(options)
    await store.open()
    return {
      store: withoutAdopt(store),
      second: async () => withoutAdopt(fsStore(options)),
      openHandles: () => store.openCount,
      leftovers: async () => filesOf('/srv/media', fs).filter(isLeftOver),
      cleanup: async () => {},
    }
  },
}

/** The kit makes the files to be adopted on the disk, and looks there for local paths: memfs is not there. */
function withoutAdopt(store: FsStore): Omit<FsStore, 'adopt' | 'localPath'> {
  const { adopt: _, localPath: __, ...rest } = store
  return { ...rest, [Symbol.asyncDispose]: () => store.close() }
}

describeObjectStore('fsStore, durable', onDisk('durable'))
describeObjectStore('fsStore, file', onDisk('file'))
describeObjectStore('fsStore, none', onDisk('none'))
describeObjectStore('fsStore over memfs', inMemory)
