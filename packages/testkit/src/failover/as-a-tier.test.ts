import {
  createMediaStore,
  createMemoryTables,
  createMemoryVolume,
  failoverStore,
  type MediaStore,
  memoryCatalog,
  memoryStore,
  type ObjectStore,
} from '@mediakeep/core'
import { afterEach, describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { withFaults } from '../faults/with-faults.ts'
import { listAll } from '../object-store/expect.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const MINUTE_MS = 60_000

/** Two backends behind one `failoverStore`, which is the tier of processes that come one after the other. */
function world() {
  const clock = fakeClock()
  const tables = createMemoryTables()
  const backend = (name: string) => ({
    name,
    volume: createMemoryVolume({ maxBytes: 1_000_000, clock }),
    isDown: false,
  })
  const backends = { first: backend('first'), second: backend('second') }
  const storeOf = (one: (typeof backends)['first']): ObjectStore =>
    withFaults(memoryStore({ ...one, clock }), (member) =>
      member !== 'close' && one.isDown ? { type: 'fail', at: 'before' } : undefined,
    ).store
  return {
    clock,
    backends,
    async start(): Promise<MediaStore> {
      const far = failoverStore([storeOf(backends.first), storeOf(backends.second)], { clock })
      const spool = memoryStore({ name: 'spool', clock })
      const store = await createMediaStore({
        tiers: [
          { name: 'far', store: far },
          { name: 'spool', store: spool },
        ],
        catalog: memoryCatalog({ clock, tables }),
        policies: [{ match: '*', allowUnrecognised: true }],
        upkeep: { intervalMs: 0, garbageGraceMs: MINUTE_MS },
        clock,
      })
      closing.push(() => store.close())
      return store
    },
    /** What the backend holds, whoever knows of it. */
    async keysOf({ name, volume }: (typeof backends)['first']) {
      return (await listAll(memoryStore({ name, volume, clock }))).map(({ key }) => key)
    },
  }
}

async function collect(store: MediaStore, thorough: boolean): Promise<void> {
  for await (const _ of store.upkeep.collectGarbage({ thorough, force: true })) continue
}

describe('failoverStore() as a tier', () => {
  test('is the same volume after a restart: what was put before is read, and no collection takes it', async () => {
    const { start, clock } = world()
    const before = await start()
    const { id } = await before.put(Buffer.from('hello'), { at: { key: 'a' }, filename: 'a.txt' })
    await before.close()
    const store = await start()
    clock.advance(10 * MINUTE_MS)
    await collect(store, true)
    clock.advance(10 * MINUTE_MS)
    await collect(store, true)
    const reader = await store.open(id)
    expect(Buffer.from(await reader.bytes({ maxBytes: 100 })).toString()).toBe('hello')
  })

  test('a deletion that was owed when the process ended is made by the next thorough collection', async () => {
    const { start, clock, backends, keysOf } = world()
    const before = await start()
    backends.first.isDown = true
    await before.put(Buffer.from('hello'), { at: { key: 'a' }, filename: 'a.txt' })
    backends.first.isDown = false
    await before.close()

    const during = await start()
    backends.second.isDown = true
    expect(await during.delete({ key: 'a' })).toBe(true)
    await collect(during, false)
    clock.advance(10 * MINUTE_MS)
    await collect(during, false)
    await during.close()
    expect(await keysOf(backends.second)).toHaveLength(1)

    backends.second.isDown = false
    const after = await start()
    clock.advance(10 * MINUTE_MS)
    await collect(after, true)
    clock.advance(10 * MINUTE_MS)
    await collect(after, true)
    expect(await keysOf(backends.first)).toEqual([])
    expect(await keysOf(backends.second)).toEqual([])
  })
})
