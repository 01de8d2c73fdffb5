import { describe, expect, it } from 'vitest'
import type { Catalog, PortableMedia } from '../contracts/catalog.ts'
import type { LostMedia, MediaStore, RebuildProgress } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { bytesOf, fixture, keys, large, small } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, type MemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'

const newVolume = (): MemoryVolume => createMemoryVolume({ maxBytes: 1e9, clock: systemClock })

/** A store over the bytes of a volume, with a catalog of its own. */
async function open(volume: MemoryVolume, options: Parameters<typeof fixture>[0] = {}) {
  const catalog = memoryCatalog()
  const objects = memoryStore({ volume })
  const { store, events } = await fixture({
    catalog,
    tiers: [{ name: 'memory', store: objects }],
    ...options,
  })
  return { store, events, objects, catalog: options.catalog ?? catalog }
}

async function rebuild(
  store: MediaStore,
  options: Parameters<MediaStore['upkeep']['rebuildCatalog']>[0] = {},
): Promise<RebuildProgress> {
  const lost: LostMedia[] = []
  let last: RebuildProgress | undefined
  for await (const progress of store.upkeep.rebuildCatalog(options)) {
    lost.push(...progress.lost)
    last = progress
  }
  if (last === undefined) throw new Error('no progress was told')
  return { ...last, lost }
}

const exported = async (catalog: Catalog): Promise<readonly PortableMedia[]> =>
  (await catalog.exportMedia({ limit: 10_000 })).media

const NOTHING = {
  restored: 0,
  alreadyThere: 0,
  lostMedia: 0,
  lost: [],
  unreachableMedia: 0,
  unknownObjects: 0,
  adoptedObjects: 0,
  damagedLines: 0,
  offlineVolumes: [],
}

describe('rebuildCatalog()', () => {
  it('lets nothing out that was held: state and verdict come back from the journal', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const { id } = await before.store.put(small)
    const [media] = await exported(before.catalog)
    const { content } = (await before.catalog.get('default', id)) ?? {}
    if (media?.blob.digest === undefined || content === undefined) throw new Error('it was not stored')
    const verdict = { verdict: 'infected', engine: 'e', database: '1', signature: 's' } as const
    await before.catalog.settleVerdict(content.blobId, verdict, {
      from: ['active'],
      to: 'quarantined',
      limit: 1,
    })
    await before.store.update(id, { tags: ['looked at'] })
    const after = await open(volume)
    expect(await rebuild(after.store)).toMatchObject({ restored: 1 })
    expect((await after.catalog.get('default', id))?.content.state).toBe('quarantined')
    expect(await after.catalog.verdictOf(media.blob.domain, media.blob.digest)).toEqual(verdict)
    expect((await after.store.put(small)).state).toBe('quarantined')
  })

  it('puts every media back as it was, and its bytes are served again', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const kept = await before.store.put(small, { at: { key: 'a' }, owner: 'ann', tags: ['t'] })
    await before.store.in('other').put(large)
    await before.store.put(small)
    const gone = await before.store.put(Buffer.from('gone'))
    await before.store.delete(gone.id)
    const after = await open(volume)
    expect(await rebuild(after.store)).toEqual({ ...NOTHING, restored: 3 })
    expect(await exported(after.catalog)).toEqual(await exported(before.catalog))
    expect(await bytesOf(after.store, { key: 'a' })).toEqual(small)
    expect(await after.store.stat(kept.id)).toEqual(kept)
    expect(await rebuild(after.store)).toEqual({ ...NOTHING, alreadyThere: 3 })
  })

  it('finds nothing on an empty volume, and leaves a healthy catalog as it is', async () => {
    const { store, catalog } = await open(newVolume())
    expect(await rebuild(store)).toEqual(NOTHING)
    const media = await store.put(small)
    await store.update(media.id, { tags: ['t'] })
    const before = await exported(catalog)
    expect(await rebuild(store)).toEqual({ ...NOTHING, alreadyThere: 1 })
    expect(await exported(catalog)).toEqual(before)
  })

  it('brings a catalog that is behind up to date, and keeps what it has in a later revision', async () => {
    const volume = newVolume()
    const full = await open(volume)
    const [a, b] = [await full.store.put(small, { at: { key: 'a' } }), await full.store.put(large)]
    const old = memoryCatalog()
    const behind = await open(volume, {
      catalog: old,
      tiers: [{ name: 'memory', store: memoryStore({ volume }) }],
    })
    await old.importMedia(await exported(full.catalog))
    await full.store.update(a.id, { tags: ['later'] })
    await full.store.put(Buffer.from('new'))
    // Changed behind the journal's back: later than what any line knows.
    await old.update('default', b.id, { tags: ['once'] })
    await old.update('default', b.id, { tags: ['twice'] })
    expect(await rebuild(behind.store)).toEqual({ ...NOTHING, restored: 2, alreadyThere: 1 })
    expect((await behind.store.stat(a.id))?.tags).toEqual(['later'])
    expect((await behind.store.stat(b.id))?.tags).toEqual(['twice'])
  })

  it('names the media whose bytes no volume has, and makes no record without bytes', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const [one, two] = [
      await before.store.put(small, { at: { key: 'photos/one' }, filename: 'one.txt' }),
      await before.store.put(large),
    ]
    for (const key of await keys(before.objects))
      if (key.includes(String(one.digest).slice(7))) volume.remove(key)
    const cut = (await keys(before.objects))[0] ?? ''
    volume.publish(cut, Buffer.from('short'), {})
    const after = await open(volume)
    const result = await rebuild(after.store)
    expect(result).toMatchObject({ restored: 0, lostMedia: 2, unknownObjects: 0 })
    expect([...result.lost].sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual([
      { id: one.id, namespace: 'default', key: 'photos/one', filename: 'one.txt', digest: one.digest },
      { id: two.id, namespace: 'default', filename: two.filename, digest: two.digest },
    ])
    expect(await exported(after.catalog)).toEqual([])
  })

  it('takes a copy that only a later line of the same revision names', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const media = await before.store.put(small)
    const [line = ''] = volume.journal.segments.flat()
    const [key = ''] = await keys(before.objects)
    // Damaged, repaired under another key, and told by a snapshot: the record is still in its first revision.
    const repaired = `${key.slice(0, key.indexOf('.'))}.${'1'.repeat(32)}`
    volume.remove(key)
    volume.publish(repaired, small, {})
    const placementId = key.slice(key.indexOf('.') + 1)
    const later = line.replaceAll(key, repaired).replaceAll(placementId, '1'.repeat(32))
    for (const lines of [
      [line, later],
      [later, line],
    ]) {
      volume.journal.segments = [lines]
      const after = await open(volume)
      expect(await rebuild(after.store)).toEqual({ ...NOTHING, restored: 1 })
      expect(await bytesOf(after.store, media.id)).toEqual(small)
    }
  })

  it('calls away, not lost, what another line of the same revision says to be on a volume that is not here', async () => {
    const volume = newVolume()
    const before = await open(volume)
    await before.store.put(small)
    const [line = ''] = volume.journal.segments.flat()
    for (const key of await keys(before.objects)) volume.remove(key)
    const elsewhere = '01990000-0000-7000-8000-000000000000'
    for (const lines of [
      [line, line.replace(volume.identity.id, elsewhere)],
      [line.replace(volume.identity.id, elsewhere), line],
    ]) {
      volume.journal.segments = [lines]
      const after = await open(volume)
      expect(await rebuild(after.store)).toEqual({
        ...NOTHING,
        unreachableMedia: 1,
        offlineVolumes: [elsewhere],
      })
    }
  })

  it('does not call lost what the catalog has since replaced', async () => {
    const volume = newVolume()
    const { store, catalog } = await open(volume, {})
    await store.put(small, { at: { key: 'a' } })
    const line = volume.journal.segments.flat()
    await store.put(large, { at: { key: 'a' } })
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 })) continue
    volume.journal.segments = [line]
    expect(await rebuild(store)).toEqual({ ...NOTHING, alreadyThere: 1, unknownObjects: 0 })
    expect(await exported(catalog)).toHaveLength(1)
  })

  it('counts damaged lines and goes on: the revision before the damaged one comes back', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const media = await before.store.put(small, { tags: ['first'] })
    await before.store.update(media.id, { tags: ['second'] })
    await before.store.put(large)
    const lines = volume.journal.segments.flat()
    const broken = [
      lines[0] ?? '',
      (lines[1] ?? '').replace('"owner":"', '"owner":7,"x":"'),
      'no line',
      lines[2] ?? '',
    ]
    volume.journal.segments = [broken]
    const after = await open(volume)
    const result = await rebuild(after.store)
    expect(result).toMatchObject({ damagedLines: 2, restored: 1 })
    volume.journal.segments = [[lines[0] ?? '', 'no line', lines[2] ?? '']]
    const again = await open(volume)
    expect(await rebuild(again.store)).toMatchObject({ damagedLines: 1, restored: 2 })
    expect((await again.store.stat(media.id))?.tags).toEqual(['first'])
  })

  it('takes the newest line of each media, in whatever order the journals give them', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const media = await before.store.put(small, { tags: ['first'] })
    await before.store.update(media.id, { tags: ['second'] })
    const gone = await before.store.put(large)
    await before.store.delete(gone.id)
    volume.journal.segments = [volume.journal.segments.flat().reverse()]
    const after = await open(volume)
    expect(await rebuild(after.store)).toEqual({ ...NOTHING, restored: 1 })
    expect(await exported(after.catalog)).toEqual(await exported(before.catalog))
  })

  it('one object stays one copy of one blob, also when two lines name it in other domains of dedupe', async () => {
    const volume = newVolume()
    const before = await open(volume)
    await before.store.put(small, { at: { key: 'a' } })
    await before.store.put(small, { at: { key: 'b' } })
    const [first = '', second = ''] = volume.journal.segments.flat()
    volume.journal.segments = [[first, second.replace('"domain":""', '"domain":"default"')]]
    const after = await open(volume)
    expect(await rebuild(after.store)).toEqual({ ...NOTHING, restored: 2 })
    for (const key of ['a', 'b']) expect(await bytesOf(after.store, { key })).toEqual(small)
  })

  it('a media whose id is taken in another namespace costs no other its record', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const media = await before.store.put(small)
    await before.store.put(large)
    const after = await open(volume)
    const [one] = await exported(before.catalog)
    if (one === undefined) throw new Error('nothing was exported')
    await after.catalog.importMedia([{ ...one, namespace: 'elsewhere' }])
    expect(one.id).toBe(media.id)
    expect(await rebuild(after.store)).toMatchObject({ restored: 1, damagedLines: 1 })
  })

  it('ends at the first step after an abort, with the reason', async () => {
    const { store } = await open(newVolume())
    await store.put(small)
    const reason = new Error('enough')
    await expect(rebuild(store, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('objects that no line names', () => {
  async function withUnknown() {
    const volume = newVolume()
    const before = await open(volume)
    await before.store.put(small)
    await before.store.put(large, { filename: 'large.bin' })
    const deleted = await before.store.put(Buffer.from('deleted'))
    await before.store.delete(deleted.id)
    const [first, , ...rest] = volume.journal.segments.flat()
    volume.journal.segments = [[first ?? '', ...rest]]
    volume.publish('no/physical.key', Buffer.from('{"a":1}'), {})
    return volume
  }

  it('are counted and left', async () => {
    const volume = await withUnknown()
    const { store, objects } = await open(volume)
    const before = await keys(objects)
    expect(await rebuild(store)).toEqual({ ...NOTHING, restored: 1, unknownObjects: 2 })
    expect(await keys(objects)).toEqual(before)
  })

  it('become media of nobody with adoptUnknown, once, and the journal learns of them; those of deleted media do not', async () => {
    const volume = await withUnknown()
    const { store, objects } = await open(volume)
    expect(await rebuild(store, { adoptUnknown: true })).toEqual({
      ...NOTHING,
      restored: 1,
      unknownObjects: 2,
      adoptedObjects: 2,
    })
    const { items } = await store.list()
    expect(items).toHaveLength(3)
    const found = items.find(({ sizeBytes }) => sizeBytes === large.length)
    expect(found).toMatchObject({ owner: '', visibility: 'private', contentType: 'application/octet-stream' })
    expect(found?.filename).toBe(String(found?.digest).slice(7, 23))
    expect(Buffer.compare(await bytesOf(store, found?.id ?? ''), large)).toBe(0)
    const ranged = await store.open(found?.id ?? '', { range: { start: 100_000, endExclusive: 100_010 } })
    expect(Buffer.from(await ranged.bytes({ maxBytes: 10 }))).toEqual(large.subarray(100_000, 100_010))
    expect(items.find(({ sizeBytes }) => sizeBytes === 7)?.filename).toMatch(/^[0-9a-f]{16}\.txt$/)
    expect(await rebuild(store, { adoptUnknown: true })).toMatchObject({
      unknownObjects: 0,
      adoptedObjects: 0,
    })
    // Nothing but what was adopted makes it due.
    volume.journal.hasSnapshot = true
    for await (const _ of store.upkeep.compactJournals()) continue
    const again = await open(volume)
    // The bytes of the deleted media wait for collection, and the line that named them went with the compaction.
    expect(await rebuild(again.store)).toMatchObject({ restored: 3, unknownObjects: 1 })
    expect(await keys(objects)).toHaveLength(4)
  })

  it('wait for the scanner when they are adopted, where there is one', async () => {
    const engine = { engine: 'e', database: '1' }
    const { store } = await open(await withUnknown(), {
      scanner: {
        name: 'all bad',
        scan: async () => ({ verdict: 'infected', ...engine, signature: 's' }),
        close: async () => {},
      },
    })
    expect(await rebuild(store, { adoptUnknown: true })).toMatchObject({ adoptedObjects: 2 })
    expect((await store.list({ state: 'pending' })).items).toHaveLength(2)
    for await (const _ of store.upkeep.scan()) continue
    expect((await store.list({ state: 'quarantined' })).items).toHaveLength(2)
  })

  it('are not adopted when their bytes are not those that their key says, nor when a record has the same bytes', async () => {
    const volume = newVolume()
    const before = await open(volume)
    const media = await before.store.put(small)
    const hex = String(media.digest).slice(7)
    const other = 'ab'.repeat(32)
    volume.publish(`${hex.slice(0, 2)}/${hex}.${'1'.repeat(32)}`, small, {})
    volume.publish(`ab/${other}.${'2'.repeat(32)}`, Buffer.from('rotten'), {})
    const after = await open(volume)
    expect(await rebuild(after.store, { adoptUnknown: true })).toMatchObject({
      restored: 1,
      unknownObjects: 2,
      adoptedObjects: 0,
    })
    expect((await after.store.list()).items).toHaveLength(1)
  })

  it('two copies of the same bytes become one media', async () => {
    const volume = newVolume()
    const { store } = await open(volume)
    const media = await store.put(small)
    const digest = String(media.digest).slice(7)
    volume.journal.segments = [[]]
    volume.publish(`${digest.slice(0, 2)}/${digest}.${'1'.repeat(32)}`, small, {})
    const after = await open(volume)
    expect(await rebuild(after.store, { adoptUnknown: true })).toMatchObject({
      unknownObjects: 2,
      adoptedObjects: 2,
    })
    const [one, ...others] = await exported(after.catalog)
    expect(others).toEqual([])
    expect(one?.placements).toHaveLength(2)
  })
})

describe('a volume that is away', () => {
  it('is told; media that only it holds are put back once it is here', async () => {
    const volumes = { first: newVolume(), second: newVolume() }
    let away = false
    let nowMs = Date.now()
    const clock = { ...systemClock, now: () => (nowMs += 10_000) }
    const tiers = () => [
      {
        name: 'first',
        store: {
          ...memoryStore({ volume: volumes.first }),
          async identity() {
            if (away) throw new MediaError('MEDIA_UNAVAILABLE', 'unmounted', { reason: 'volume-offline' })
            return volumes.first.identity
          },
        },
      },
      { name: 'second', store: memoryStore({ volume: volumes.second }) },
    ]
    const before = await open(volumes.first, { tiers: tiers(), clock })
    const media = await before.store.put(small)
    away = true
    await before.store.update(media.id, { tags: ['told to the other'] })
    const other = await before.store.put(large)
    away = false
    const catalog = memoryCatalog()
    const after = await open(volumes.first, { tiers: tiers(), clock, catalog })
    away = true
    const firstId = volumes.first.identity.id
    expect(await rebuild(after.store)).toEqual({
      ...NOTHING,
      restored: 1,
      unreachableMedia: 1,
      offlineVolumes: [firstId],
    })
    expect(await after.store.stat(other.id)).toBeDefined()
    away = false
    expect(await rebuild(after.store)).toEqual({ ...NOTHING, restored: 1, alreadyThere: 1 })
    expect((await after.store.stat(media.id))?.tags).toEqual(['told to the other'])
  })
})
