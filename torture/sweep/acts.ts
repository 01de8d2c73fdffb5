import { fsStore } from '@mediakeep/adapters/fs'
import { isMediaError, type MediaRef } from '@mediakeep/core'
import { ROOT } from '../simulation/image.ts'
import type { Act } from './act.ts'
import type { Stage } from './stage.ts'
import { uploadActs } from './upload-acts.ts'

const KEY: MediaRef = { key: 'a' }
const small = Buffer.from('small bytes')
const other = Buffer.from('other bytes, more of them')
const large = Buffer.from('large bytes '.repeat(400))

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 1_800) yield bytes.subarray(at, at + 1_800)
}

async function read({ store }: Stage): Promise<string> {
  try {
    await using reader = await store.open(KEY)
    return Buffer.from(await reader.bytes({ maxBytes: 100_000 })).toString()
  } catch (error) {
    if (isMediaError(error, 'MEDIA_ABSENT')) return 'absent'
    throw error
  }
}

const putting = (bytes: Buffer) => (stage: Stage) => stage.store.put(bytes, { at: KEY })

async function drain(progress: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of progress) continue
}

/** Bytes that nothing refers to, condemned and past their grace. */
async function leaveGarbage({ store, clock }: Stage): Promise<void> {
  for (const bytes of [small, other]) await store.delete((await store.put(bytes)).id)
  await drain(store.upkeep.collectGarbage())
  clock.advance(2_000)
}

const objectsOn = async ({ tables }: Stage): Promise<string> => `${tables.placements.size} objects`

export const acts: readonly Act[] = [
  { name: 'put small', act: putting(small), look: read, undone: 'absent', done: String(small) },
  {
    name: 'put streamed',
    act: ({ store }) => store.put(pieces(large), { at: KEY }),
    look: read,
    undone: 'absent',
    done: String(large),
  },
  {
    name: 'replace',
    prepare: putting(small),
    act: putting(other),
    look: read,
    undone: String(small),
    done: String(other),
  },
  {
    name: 'put what is there',
    prepare: ({ store }) => store.put(small),
    act: putting(small),
    look: read,
    undone: 'absent',
    done: String(small),
  },
  {
    name: 'read',
    prepare: putting(large),
    act: read,
    look: read,
    undone: String(large),
    done: String(large),
  },
  {
    name: 'read a range',
    prepare: putting(large),
    async act({ store }) {
      await using reader = await store.open(KEY, { range: { start: 10, endExclusive: 20 } })
      return await reader.bytes({ maxBytes: 10 })
    },
    look: read,
    undone: String(large),
    done: String(large),
  },
  {
    name: 'update',
    prepare: putting(small),
    act: ({ store }) => store.update(KEY, { tags: ['new'] }),
    look: async ({ store }) => String((await store.stat(KEY))?.tags),
    undone: '',
    done: 'new',
  },
  {
    name: 'delete',
    prepare: putting(small),
    act: ({ store }) => store.delete(KEY),
    look: read,
    undone: String(small),
    done: 'absent',
  },
  {
    name: 'collect',
    prepare: leaveGarbage,
    act: ({ store }) => drain(store.upkeep.collectGarbage()),
    look: objectsOn,
    undone: '2 objects',
    done: '0 objects',
  },
  {
    name: 'collect thoroughly',
    prepare: leaveGarbage,
    act: ({ store }) => drain(store.upkeep.collectGarbage({ thorough: true })),
    look: objectsOn,
    undone: '2 objects',
    done: '0 objects',
  },
  {
    name: 'verify',
    prepare: putting(large),
    async act({ store }) {
      for await (const { damaged } of store.upkeep.verify())
        for (const { fault } of damaged)
          if (fault !== 'unreadable') throw new Error(`whole bytes were called ${fault}`)
    },
    look: read,
    undone: String(large),
    done: String(large),
  },
  {
    name: 'expire',
    async prepare({ disk, clock }) {
      disk.create(`${ROOT}/staging/dead~0-0`, 0o640)
      disk.create(`${ROOT}/objects/00/~0-0`, 0o640)
      clock.advance(2_000)
    },
    act: ({ store }) => drain(store.upkeep.expire()),
    async look({ disk }) {
      const left = [`${ROOT}/staging`, `${ROOT}/objects/00`].map((path) => disk.directory(path)?.entries.size)
      return left.join(' ')
    },
    undone: '1 1',
    done: '0 0',
  },
  {
    name: 'open',
    async act({ process, clock }) {
      const second = fsStore({ root: ROOT, fs: process.fs, clock })
      try {
        await second.open()
      } finally {
        await second.close()
      }
    },
    look: async () => 'open',
    undone: 'open',
    done: 'open',
  },
  ...uploadActs,
]
