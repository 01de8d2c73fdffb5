import { describe, expect, it } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { VerifyOptions, VerifyProgress } from '../contracts/media-store.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { bytesOf, fixture, keys, large, small } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'

type Store = Awaited<ReturnType<typeof fixture>>['store']

async function verified(
  store: Store,
  options: VerifyOptions = {},
): Promise<VerifyProgress & { all: VerifyProgress['damaged'] }> {
  let last: VerifyProgress | undefined
  const all: VerifyProgress['damaged'][number][] = []
  for await (const step of store.upkeep.verify(options)) {
    last = step
    all.push(...step.damaged)
  }
  if (last === undefined) throw new Error('verify told nothing')
  return { ...last, all }
}

async function onlyKey(objects: MemoryStore): Promise<string> {
  const [key = ''] = await keys(objects)
  return key
}

/** Puts other bytes where an object was: what a disk does that rots. */
async function spoil(objects: ObjectStore, key: string, bytes: Buffer): Promise<void> {
  await objects.put(key, bytesSource(bytes))
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

async function twoHomes() {
  const first = memoryStore({ name: 'first' })
  const second = memoryStore({ name: 'second' })
  const made = await fixture({
    minCopies: 2,
    tiers: [
      { name: 'first', store: first },
      { name: 'second', store: second },
    ],
    reads: { cacheBytes: 0, verifiedForMs: 0 },
  })
  return { ...made, first, second }
}

describe('verify()', () => {
  it('finds nothing wrong with a store that is well, and counts all of it', async () => {
    const { store } = await fixture()
    await store.put(small)
    await store.put(large)
    expect(await verified(store)).toMatchObject({
      checkedObjects: 2,
      checkedBytes: small.length + large.length,
      totalBytes: small.length + large.length,
      damagedObjects: 0,
      offlineVolumes: [],
    })
  })

  it.each([
    ['one flipped bit', (bytes: Buffer) => flipped(bytes, 2_000_000), 'content'],
    ['a cut end', (bytes: Buffer) => bytes.subarray(0, -1), 'size'],
    ['bytes behind the end', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]), 'size'],
    ['nothing left of it', () => Buffer.alloc(0), 'size'],
  ])('finds %s, in both modes, and never serves it again', async (_, spoiling, fault) => {
    const { store, objects, events } = await fixture({ reads: { cacheBytes: 0 } })
    const media = await store.put(large)
    const key = await onlyKey(objects)
    await spoil(objects, key, spoiling(large))
    const stored = await verified(store, { mode: 'stored' })
    expect(stored.all).toMatchObject([{ key, fault, repaired: false, digest: media.digest }])
    expect((await verified(store)).all).toMatchObject([{ key, fault, repaired: false }])
    await expect(store.open(media.id)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    expect(await keys(objects), 'quarantined, not deleted').toEqual([key])
    expect(events.filter(({ type }) => type === 'blob.corrupt').length).toBeGreaterThan(0)
  })

  it('finds an object that is gone', async () => {
    const { store, objects } = await fixture({ reads: { cacheBytes: 0 } })
    await store.put(large)
    const key = await onlyKey(objects)
    await objects.delete(key)
    expect((await verified(store)).all).toMatchObject([{ key, fault: 'absent' }])
  })

  it('serves again what was quarantined once its bytes are found right', async () => {
    const { store, objects } = await fixture({ reads: { cacheBytes: 0 } })
    const media = await store.put(large)
    const key = await onlyKey(objects)
    await spoil(objects, key, flipped(large, 9))
    await verified(store)
    await spoil(objects, key, large)
    await verified(store, { mode: 'stored' })
    await expect(store.open(media.id), 'sums alone give nothing back').rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
    })
    expect((await verified(store)).damagedObjects).toBe(0)
    expect(large.equals(await bytesOf(store, media.id))).toBe(true)
  })

  it('makes a new copy from the good one where it repairs, touches no good one, and calls the debris no damage', async () => {
    const { store, first, second } = await twoHomes()
    const media = await store.put(large)
    const other = await store.put(small)
    const before = await keys(second)
    const bad = (await keys(first)).find((key) => key.includes(media.digest?.slice(7) ?? '?')) ?? ''
    await spoil(first, bad, flipped(large, 0))
    const report = await verified(store, { repair: true })
    expect(report).toMatchObject({ damagedObjects: 1, repairedObjects: 1 })
    expect(report.all).toMatchObject([{ key: bad, repaired: true }])
    expect(await keys(second)).toEqual(before)
    const made = (await keys(first)).filter(
      (key) => key.includes(media.digest?.slice(7) ?? '?') && key !== bad,
    )
    expect(made).toHaveLength(1)
    for (const key of before) await second.delete(key)
    expect(large.equals(await bytesOf(store, media.id)), 'from the new copy').toBe(true)
    expect(small.equals(await bytesOf(store, other.id))).toBe(true)
    const again = await verified(store)
    expect(again.all.map(({ volumeId, fault }) => [volumeId, fault])).toEqual(
      before.map(() => [expect.any(String), 'absent']),
    )
  })

  it('makes no copy of a copy that is damaged too', async () => {
    const { store, first, second } = await twoHomes()
    await store.put(large)
    for (const objects of [first, second]) await spoil(objects, await onlyKey(objects), flipped(large, 5))
    expect(await verified(store, { repair: true })).toMatchObject({ damagedObjects: 2, repairedObjects: 0 })
    expect(await keys(first)).toHaveLength(1)
  })

  it('heals by a put of the same bytes', async () => {
    const { store, objects } = await fixture({ reads: { cacheBytes: 0 } })
    const media = await store.put(large)
    await spoil(objects, await onlyKey(objects), flipped(large, 1))
    await verified(store)
    await store.put(large)
    expect(large.equals(await bytesOf(store, media.id))).toBe(true)
    expect((await verified(store)).damagedObjects).toBe(0)
  })

  it('goes on behind its cursor, also after copies came and went', async () => {
    const { store } = await fixture()
    const media = await Promise.all(
      Array.from({ length: 150 }, (_, n) => store.put(Buffer.from(`body ${n}`))),
    )
    let cursor = ''
    for await (const step of store.upkeep.verify()) {
      cursor = step.cursor
      if (step.checkedObjects >= 64) break
    }
    await store.delete(media[3]?.id ?? '')
    await store.put(Buffer.from('another'))
    const rest = await verified(store, { cursor })
    expect(rest.checkedObjects).toBeGreaterThanOrEqual(150 - 64)
    expect(rest.checkedObjects).toBeLessThanOrEqual(151 - 64)
    expect((await verified(store, { cursor: rest.cursor })).checkedObjects).toBe(0)
  })

  it.each(['', 'nonsense', 'W10', Buffer.from('["v2","a",true,null]').toString('base64url')])(
    'refuses the cursor %j',
    async (cursor) => {
      const { store } = await fixture()
      await expect(verified(store, { cursor })).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-cursor',
      })
    },
  )

  it('leaves out what was verified or written since', async () => {
    const { store } = await fixture()
    await store.put(small)
    const before = new Date(Date.now() - 60_000)
    expect((await verified(store, { notVerifiedSince: before })).checkedObjects).toBe(0)
    const later = new Date(Date.now() + 60_000)
    expect((await verified(store, { notVerifiedSince: later })).checkedObjects).toBe(1)
  })

  it('says that a volume is offline, and nothing about what it holds', async () => {
    const objects = memoryStore()
    let mounted = true
    const store: ObjectStore = {
      ...objects,
      traits: objects.traits,
      identity: async () => {
        if (mounted) return objects.volume.identity
        throw new MediaError('MEDIA_UNAVAILABLE', 'not mounted', { reason: 'volume-offline' })
      },
      openFile: async (key, call) => (mounted ? objects.openFile?.(key, call) : undefined),
    }
    const made = await fixture({ tiers: [{ name: 'disk', store }] })
    const media = await made.store.put(large)
    mounted = false
    const report = await verified(made.store)
    expect(report).toMatchObject({ checkedObjects: 0, damagedObjects: 0 })
    expect(report.offlineVolumes).toHaveLength(1)
    mounted = true
    expect(large.equals(await bytesOf(made.store, media.id))).toBe(true)
  })

  it('reads no faster than it may', async () => {
    const { store } = await fixture()
    await store.put(large)
    const startedMs = performance.now()
    await verified(store, { bytesPerSecond: large.length * 5 })
    expect(performance.now() - startedMs).toBeGreaterThan(150)
  })

  it('stops at a signal with its reason and leaves nothing open', async () => {
    const { store, objects } = await fixture()
    await store.put(large)
    const stop = new AbortController()
    const reason = new Error('enough')
    const run = verified(store, { bytesPerSecond: 1_000, signal: stop.signal })
    setImmediate(() => stop.abort(reason))
    await expect(run).rejects.toBe(reason)
    expect(objects.openCount).toBe(0)
  })
})

describe('minCopies', () => {
  it('a put is answered with a copy on each of two volumes, a duplicate adds none', async () => {
    const { store, first, second } = await twoHomes()
    await store.put(large)
    await store.put(large)
    expect([(await keys(first)).length, (await keys(second)).length]).toEqual([1, 1])
  })

  it('serves from the second volume what the first has lost', async () => {
    const { store, first } = await twoHomes()
    const media = await store.put(large)
    await first.delete(await onlyKey(first))
    expect(large.equals(await bytesOf(store, media.id))).toBe(true)
  })

  it('answers with one copy when the second volume is full, tells so, and repair() makes it once there is room', async () => {
    const first = memoryStore()
    const second = memoryStore({ maxBytes: 3_100_000 })
    const { store, events } = await fixture({
      minCopies: 2,
      tiers: [
        { name: 'first', store: first },
        { name: 'second', store: second },
      ],
    })
    const filler = await store.put(Buffer.alloc(200_000, 7))
    const media = await store.put(large)
    expect(await keys(second)).toHaveLength(1)
    expect(events).toContainEqual(expect.objectContaining({ type: 'upkeep.failed', task: 'copy' }))
    await store.delete(filler.id)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
    const steps = []
    for await (const step of store.upkeep.repair()) steps.push(step)
    expect(steps.at(-1)).toMatchObject({ madeCopies: 1, madeBytes: large.length, thin: 0, lost: [] })
    for (const key of await keys(first)) await first.delete(key)
    expect(large.equals(await bytesOf(store, media.id))).toBe(true)
  })

  it('repair() lists blobs without a good copy, and makes none of damaged bytes', async () => {
    const { store, first, second } = await twoHomes()
    const media = await store.put(large)
    for (const objects of [first, second]) await spoil(objects, await onlyKey(objects), flipped(large, 5))
    await verified(store)
    const steps = []
    for await (const step of store.upkeep.repair()) steps.push(step)
    expect(steps.at(-1)).toMatchObject({ madeCopies: 0, lost: [{ digest: media.digest }] })
  })

  it('repair() gives up a source whose bytes it finds damaged', async () => {
    const catalog = memoryCatalog()
    const [first, second] = [memoryStore(), memoryStore()]
    const { store } = await fixture({
      catalog,
      minCopies: 2,
      tiers: [
        { name: 'first', store: first },
        { name: 'second', store: second },
      ],
    })
    const { id } = await store.put(large)
    const content = (await catalog.get('default', id))?.content
    const lost = content?.placements.find(({ volumeId }) => volumeId === second.volume.identity.id)
    await catalog.markBad(lost?.id ?? '')
    await spoil(first, await onlyKey(first), flipped(large, 1_500_000))
    for await (const _ of store.upkeep.repair()) continue
    const copies = await catalog.copiesOf(content?.blobId ?? '')
    expect(copies?.placements.map(({ state }) => state)).toEqual(['bad', 'bad'])
    expect(await keys(second), 'nothing was made of damaged bytes').toHaveLength(1)
  })

  it.each([0, 1.5, 3, Number.NaN])('refuses %d copies for two homes', async (minCopies) => {
    const tiers = [1, 2].map((n) => ({ name: `${n}`, store: memoryStore() }))
    await expect(fixture({ minCopies, tiers })).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'bad-composition',
    })
  })
})
