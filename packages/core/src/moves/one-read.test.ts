import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { KiB } from '../bytes/sizes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { ObjectReader, ObjectStore } from '../contracts/object-store.ts'
import type { ResourceStates } from '../contracts/resource-states.ts'
import { COPY_POLL_MAX_MS, LOAD_LEASE_MS, SESSION_TTL_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { memoryStates } from '../state/index.ts'
import { paidStore } from './paid-store.fixture.ts'

/** Hosts of one catalog, one disk and one bucket, each with states of its own, as where the shared ones do not answer. */

const SIZE = 40 * KiB
const PIECE = 10 * KiB

interface Host {
  readonly store: MediaStore
  reads(): number
  /** What happens before each piece that comes from the bucket, and before the object is published on the disk. */
  readonly trouble: { piece(sent: number): Promise<unknown>; publish(): Promise<unknown> }
  /** It stands still from now on: no timer of it rings. */
  freeze(): void
}

const opened: MediaStore[] = []
/** What stands still until the end of the test. */
let stuck = latch()
afterEach(async () => {
  vi.restoreAllMocks()
  stuck.open()
  for (const store of opened.splice(0)) await store.close({ graceMs: 0 })
  stuck = latch()
})

function createWorld() {
  let nowMs = Date.UTC(2026, 0, 1)
  const timers = new Set<{ readonly dueMs: number; ring(): void }>()
  const clockOf = (isFrozen: () => boolean) => ({
    now: () => nowMs,
    after(ms: number, ring: () => void) {
      const timer = { dueMs: nowMs + ms, ring: () => void (isFrozen() || ring()) }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  })
  const clock = clockOf(() => false)
  const tables = createMemoryTables()
  const disk = createMemoryVolume({ maxBytes: 1e9, clock })
  const bucket = createMemoryVolume({ maxBytes: 1e9, clock })

  async function open(resourceStates?: ResourceStates): Promise<Host> {
    let isFrozen = false
    const own = clockOf(() => isFrozen)
    const trouble: Host['trouble'] = { piece: async () => {}, publish: async () => {} }
    const paid = paidStore(bucket)
    const near = memoryStore({ name: 'disk', volume: disk, clock: own })
    const store = await createMediaStore({
      clock: own,
      tiers: [
        {
          name: 'disk',
          store: withCall(near, 'put', async (call) => {
            await trouble.publish()
            return call()
          }),
        },
        {
          name: 's3',
          store: withCall(paid.store, 'get', async (call) => {
            const reader = await call()
            return reader && inPieces(reader, (sent) => trouble.piece(sent))
          }),
        },
      ],
      ...(resourceStates === undefined ? {} : { resourceStates }),
      catalog: memoryCatalog({ clock, tables }),
      reads: { cacheBytes: 0 },
      tiering: { rules: [{ name: 'all', match: {}, tiers: ['s3'] }] },
      upkeep: { intervalMs: 0, garbageGraceMs: 0 },
    })
    opened.push(store)
    return {
      store,
      trouble,
      reads: () => paid.count('get'),
      freeze: () => {
        isFrozen = true
      },
    }
  }
  return {
    clock,
    open,
    /** In steps that let everybody act on what has rung. */
    async pass(ms: number) {
      const untilMs = nowMs + ms
      while (nowMs < untilMs) {
        nowMs = Math.min(untilMs, nowMs + 250)
        for (const timer of [...timers]) if (timer.dueMs <= nowMs && timers.delete(timer)) timer.ring()
        for (let turns = 0; turns < 10; turns++) await turn()
      }
    },
  }
}

function withCall<Name extends 'get' | 'put'>(
  store: ObjectStore,
  name: Name,
  act: (call: () => ReturnType<ObjectStore[Name]>) => Promise<Awaited<ReturnType<ObjectStore[Name]>>>,
): ObjectStore {
  const value = (...given: unknown[]): unknown =>
    act(() => Reflect.apply(store[name], store, given) as ReturnType<ObjectStore[Name]>)
  return Object.create(store, { [name]: { value } }) as ObjectStore
}

function inPieces(reader: ObjectReader, before: (sent: number) => Promise<unknown>): ObjectReader {
  async function* pieces(): AsyncGenerator<Buffer> {
    let sent = 0
    for await (const chunk of reader.stream() as AsyncIterable<Buffer>)
      for (let at = 0; at < chunk.length; at += PIECE) {
        await before(sent++)
        yield chunk.subarray(at, at + PIECE)
      }
  }
  return {
    head: reader.head,
    range: reader.range,
    stream: () => Readable.from(pieces(), { objectMode: false }),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

async function cold({ store }: Host) {
  const bytes = randomBytes(SIZE)
  const { id } = await store.put(bytes, { visibility: 'public' })
  return { id, bytes }
}
const stateOf = async ({ store }: Host, id: string): Promise<string> => (await store.availability(id)).state
const isReady = (host: Host, id: string): Promise<void> =>
  vi.waitFor(async () => expect(await stateOf(host, id)).toBe('ready'))
const copiesOnDisk = async ({ store }: Host, id: string): Promise<number> =>
  (await store.tiers.explain(id)).copies.filter(({ tier }) => tier === 'disk').length
const readsOf = (hosts: readonly Host[]): number => hosts.reduce((sum, host) => sum + host.reads(), 0)
/** A gate that opens when it is told to. */
function latch() {
  let open = (): void => {}
  const opening = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opening, open }
}

it('300 that ask for one cold media at three hosts without shared states cost one read of the bucket', async () => {
  const { open, pass } = createWorld()
  const hosts = [await open(), await open(), await open()]
  const { id, bytes } = await cold(hosts[0] as Host)
  const held = latch()
  for (const { trouble } of hosts) trouble.piece = () => held.opening
  const asked = Array.from({ length: 300 }, (_, n) => hosts[n % hosts.length]?.store.warm(id))
  for (const answer of await Promise.all(asked)) expect(answer?.state).toBe('loading')
  await pass(2_000)
  for (const host of hosts) expect(await stateOf(host, id)).toBe('loading')
  expect(readsOf(hosts)).toBe(1)
  held.open()
  await pass(COPY_POLL_MAX_MS)
  for (const host of hosts) {
    await isReady(host, id)
    expect((await bytesOf(host.store, id)).equals(bytes)).toBe(true)
  }
  expect(readsOf(hosts)).toBe(1)
  expect(await copiesOnDisk(hosts[0] as Host, id)).toBe(1)
})

it('a loader that dies in the middle is waited for until its lease is over, and no longer: two reads', async () => {
  const { open, pass } = createWorld()
  const [dying, next, other] = [await open(), await open(), await open()]
  const { id, bytes } = await cold(next)
  dying.trouble.piece = (sent) => (sent < 2 ? Promise.resolve() : stuck.opening)
  await dying.store.warm(id)
  await vi.waitFor(() => expect(dying.reads()).toBe(1))
  await pass(1_000)
  dying.freeze()
  await Promise.all([next.store.warm(id), other.store.warm(id)])
  await pass(LOAD_LEASE_MS - 2_000)
  for (const host of [next, other]) expect(await stateOf(host, id)).toBe('loading')
  expect([next.reads(), other.reads()]).toEqual([0, 0])
  await pass(1_000 + 2 * COPY_POLL_MAX_MS)
  for (const host of [next, other]) await isReady(host, id)
  expect(next.reads() + other.reads()).toBe(1)
  expect(dying.reads()).toBe(1)
  expect((await bytesOf(other.store, id)).equals(bytes)).toBe(true)
})

it('a loader that fails gives way at once, not when its lease would have ended', async () => {
  const { open, pass } = createWorld()
  const [failing, next] = [await open(), await open()]
  const { id } = await cold(next)
  const held = latch()
  failing.trouble.piece = async () => {
    await held.opening
    throw new MediaError('MEDIA_UNAVAILABLE', 's3: connection reset', { reason: 'connection' })
  }
  await failing.store.warm(id)
  await next.store.warm(id)
  await pass(1_000)
  expect(next.reads()).toBe(0)
  held.open()
  await pass(2 * COPY_POLL_MAX_MS)
  await isReady(next, id)
  expect(next.reads()).toBe(1)
})

it('bytes that come slowly keep the lease, for longer than it lasts', async () => {
  const { open, pass } = createWorld()
  const [slow, next] = [await open(), await open()]
  const { id } = await cold(next)
  const latches = Array.from({ length: SIZE / PIECE }, latch)
  slow.trouble.piece = (sent) => latches[sent]?.opening ?? Promise.resolve()
  await slow.store.warm(id)
  await next.store.warm(id)
  for (const { open: letThrough } of latches) {
    await pass((2 / 3) * LOAD_LEASE_MS)
    expect(await stateOf(next, id)).toBe('loading')
    letThrough()
  }
  await pass(2 * COPY_POLL_MAX_MS)
  for (const host of [slow, next]) await isReady(host, id)
  expect([slow.reads(), next.reads()]).toEqual([1, 0])
})

it('a target that takes long keeps it too, until the session is over', async () => {
  const { open, pass } = createWorld()
  const [slow, next] = [await open(), await open()]
  const { id } = await cold(next)
  slow.trouble.publish = () => stuck.opening
  await slow.store.warm(id)
  await next.store.warm(id)
  await pass(SESSION_TTL_MS - 20_000)
  expect(await stateOf(next, id)).toBe('loading')
  expect([slow.reads(), next.reads()]).toEqual([1, 0])
  await pass(20_000 + 2 * COPY_POLL_MAX_MS)
  await isReady(next, id)
  expect(next.reads()).toBe(1)
})

/** How many timers keep this process alive, once that has not changed for a while: whoever runs the tests has some too. */
async function keptAwakeBy(): Promise<number> {
  const count = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  let found = count()
  for (let turns = 0; turns < 200; turns++) {
    await new Promise(setImmediate)
    if (count() === found) continue
    found = count()
    turns = 0
  }
  return found
}

it('a process does not end while it waits for another host', async () => {
  const { open } = createWorld()
  const [loader, waiting] = [await open(), await open()]
  const { id } = await cold(loader)
  loader.trouble.piece = () => stuck.opening
  await loader.store.warm(id)
  const before = await keptAwakeBy()
  await waiting.store.warm(id)
  // It begins to wait a while after it was asked.
  for (let tries = 0; tries < 50 && (await keptAwakeBy()) === before; tries++);
  expect(await keptAwakeBy()).toBe(before + 1)
  await waiting.store.close()
  expect(await keptAwakeBy()).toBe(before)
})

it('a host that waits for another closes at once', async () => {
  const { open, pass } = createWorld()
  const [loader, waiting] = [await open(), await open()]
  const { id } = await cold(loader)
  loader.trouble.piece = () => stuck.opening
  await loader.store.warm(id)
  await waiting.store.warm(id)
  await pass(1_000)
  await waiting.store.close()
  expect(waiting.reads()).toBe(0)
})

it('who is to wait for the copy waits for that of another host; who reads as it comes follows on its own host, and reads for itself on another', async () => {
  const { open, pass } = createWorld()
  const [loader, next] = [await open(), await open()]
  const { id, bytes } = await cold(loader)
  const held = latch()
  loader.trouble.piece = (sent) => (sent < 2 ? Promise.resolve() : held.opening)
  await loader.store.warm(id)
  const waiting = next.store.open(id, { cold: 'wait' })
  const following = bytesOf(loader.store, id)
  await pass(1_000)
  expect([loader.reads(), next.reads()]).toEqual([1, 0])
  expect((await bytesOf(next.store, id)).equals(bytes)).toBe(true)
  expect([loader.reads(), next.reads()]).toEqual([1, 1])
  held.open()
  await pass(2 * COPY_POLL_MAX_MS)
  expect((await following).equals(bytes)).toBe(true)
  const reader = await waiting
  expect(reader.tier).toBe('disk')
  expect(Buffer.from(await reader.bytes({ maxBytes: SIZE })).equals(bytes)).toBe(true)
  expect([loader.reads(), next.reads()]).toEqual([1, 1])
})

it('with shared states too who is to wait for the copy waits for that of another host', async () => {
  const { clock, open, pass } = createWorld()
  const states = { ...memoryStates({ clock }), close: async () => {} }
  const [loader, next] = [await open(states), await open(states)]
  const { id, bytes } = await cold(loader)
  const held = latch()
  loader.trouble.piece = () => held.opening
  await loader.store.warm(id)
  const waiting = next.store.open(id, { cold: 'wait' })
  await pass(1_000)
  expect((await next.store.warm(id)).state).toBe('loading')
  held.open()
  await pass(2 * COPY_POLL_MAX_MS)
  const reader = await waiting
  expect(reader.tier).toBe('disk')
  expect(Buffer.from(await reader.bytes({ maxBytes: SIZE })).equals(bytes)).toBe(true)
  expect([loader.reads(), next.reads()]).toEqual([1, 0])
  await isReady(next, id)
})

it('who waits keeps the lease by which others are told that it loads', async () => {
  const { clock, open, pass } = createWorld()
  const states = memoryStates({ clock })
  const extend = vi.fn<ResourceStates['extend']>(states.extend)
  const [loader, next] = [await open(), await open({ ...states, extend })]
  const { id } = await cold(loader)
  const held = latch()
  loader.trouble.piece = () => held.opening
  await loader.store.warm(id)
  await next.store.warm(id)
  await pass(LOAD_LEASE_MS - 1_000)
  expect(extend.mock.calls.length).toBeGreaterThanOrEqual(2)
  for (const { value } of extend.mock.results) await expect(value).resolves.toBeDefined()
  held.open()
  await pass(2 * COPY_POLL_MAX_MS)
  await isReady(next, id)
})
