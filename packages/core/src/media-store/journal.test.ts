import { describe, expect, it } from 'vitest'
import type { Catalog, PortableMedia } from '../contracts/catalog.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { Journal, ObjectStore } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { headOfLine, parseGone, parseMedia } from '../journal/index.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'
import { createMediaStore } from './create.ts'
import { fixture, large, small } from './store.fixture.ts'

async function linesOf({ journal }: ObjectStore): Promise<string[]> {
  const lines: string[] = []
  if (journal === undefined) throw new Error('the store has no journal')
  for await (const piece of journal.read()) lines.push(...piece.lines)
  return lines
}

async function exported(catalog: Catalog): Promise<readonly PortableMedia[]> {
  return (await catalog.exportMedia({ limit: 1_000 })).media
}

async function compact(store: MediaStore): Promise<number> {
  let compacted = 0
  for await (const progress of store.upkeep.compactJournals()) compacted = progress.compacted
  return compacted
}

/** What the lines say is there: for each media the one of the highest revision, unless it was deleted. */
function merged(lines: readonly string[]): PortableMedia[] {
  const media = new Map<string, PortableMedia>()
  for (const line of lines) {
    const parsed = parseMedia(line)
    if (parsed !== undefined && (media.get(parsed.id)?.revision ?? 0) <= parsed.revision)
      media.set(parsed.id, parsed)
  }
  for (const line of lines) {
    const gone = parseGone(line)
    if (gone !== undefined && (media.get(gone.id)?.revision ?? 0) <= gone.revision) media.delete(gone.id)
  }
  const order = ({ namespace, id }: PortableMedia): string => `${namespace} ${id}`
  return [...media.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

/** The store with another journal. */
function withJournal(inner: ReturnType<typeof memoryStore>, change: (journal: Journal) => Partial<Journal>) {
  const { journal } = inner
  if (journal === undefined) throw new Error('a memory store has a journal')
  return { ...inner, journal: { ...journal, ...change(journal) } }
}

function oneStore(options: Parameters<typeof memoryCatalog>[0] = {}) {
  const catalog = memoryCatalog(options)
  const objects = memoryStore()
  return { catalog, objects, tiers: [{ name: 'memory', store: objects }] }
}

describe('the journal', () => {
  it('has, when a call is answered, what the catalog has: after every kind of change', async () => {
    const { catalog, objects, tiers } = oneStore()
    const { store } = await fixture({ catalog, tiers })
    const expectSame = async (): Promise<void> =>
      expect(merged(await linesOf(objects))).toEqual(await exported(catalog))
    const media = await store.put(small, { at: { key: 'a' }, tags: ['t'], metadata: { x: 1 } })
    await expectSame()
    await store.in('other').put(large, { filename: 'large.bin' })
    await expectSame()
    await store.put(small, { links: [{ kind: 'k', target: 't' }] }) // shares the bytes
    await expectSame()
    await store.put(Buffer.from('other bytes'), { at: { key: 'a' } })
    await expectSame()
    await store.update(media.id, { key: 'b', filename: 'renamed.txt', owner: 'ann', visibility: 'public' })
    await expectSame()
    await store.link(media.id, { kind: 'k', target: 'u' })
    await expectSame()
    await store.unlink(media.id, { kind: 'k', target: 'u' })
    await expectSame()
    await store.delete(media.id)
    await expectSame()
    expect(await exported(catalog)).toHaveLength(2)
    await expect(store.delete(media.id)).resolves.toBe(false)
    await expect(store.update(media.id, { key: 'c' })).rejects.toMatchObject({ code: 'MEDIA_ABSENT' })
    expect(await linesOf(objects)).toHaveLength(8)
  })

  it('has a put that is answered with an earlier outcome once more: the first may have died before its line', async () => {
    const { catalog, objects, tiers } = oneStore()
    const { store } = await fixture({ catalog, tiers })
    await store.put(small, { idempotencyKey: 'once' })
    await store.put(small, { idempotencyKey: 'once' })
    const lines = await linesOf(objects)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toEqual(lines[0])
  })

  it('has nothing of a put that failed', async () => {
    const { catalog, objects, tiers } = oneStore()
    const { store } = await fixture({ catalog, tiers })
    await store.put(small)
    await expect(store.put(small, { digest: `sha256:${'0'.repeat(64)}` })).rejects.toBeInstanceOf(MediaError)
    expect(await linesOf(objects)).toHaveLength(1)
  })

  it('is written after the catalog has committed, and the call waits for it', async () => {
    const { catalog, objects } = oneStore()
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const committed: number[] = []
    const waiting = withJournal(objects, (journal) => ({
      async append(line) {
        committed.push((await exported(catalog)).length)
        await released
        await journal.append(line)
      },
    }))
    const { store } = await fixture({ catalog, tiers: [{ name: 'memory', store: waiting }] })
    let isAnswered = false
    const put = store.put(small).then(() => (isAnswered = true))
    await expect.poll(() => committed).toEqual([1])
    expect(isAnswered).toBe(false)
    release()
    await put
    expect(await linesOf(objects)).toHaveLength(1)
  })
})

describe('a journal that takes no line', () => {
  function failing() {
    const { catalog, objects } = oneStore()
    let isFull = true
    const store = withJournal(objects, (journal) => ({
      async append(line) {
        if (isFull) throw new MediaError('MEDIA_NO_SPACE', 'the disk is full', { reason: 'disk-full' })
        await journal.append(line)
      },
    }))
    return { catalog, objects, tiers: [{ name: 'memory', store }], free: () => (isFull = false) }
  }

  it('fails no put: it is told once, and the next compaction makes good what it lacks', async () => {
    const { catalog, objects, tiers, free } = failing()
    const { store, events } = await fixture({ catalog, tiers })
    await store.put(small)
    await store.put(large)
    expect(events.filter(({ type }) => type === 'upkeep.failed')).toMatchObject([
      { task: 'journal', code: 'MEDIA_NO_SPACE' },
    ])
    expect(await linesOf(objects)).toEqual([])
    free()
    expect(await compact(store)).toBe(1)
    expect(merged(await linesOf(objects))).toEqual(await exported(catalog))
    expect(await compact(store)).toBe(0)
  })

  it('learns of a deletion with the next compaction, instead of keeping the media for ever', async () => {
    const { catalog, objects, tiers, free } = failing()
    const { store } = await fixture({ catalog, tiers })
    free()
    const media = await store.put(small)
    await compact(store)
    const other = await fixture({
      catalog,
      tiers: [
        {
          name: 'memory',
          store: withJournal(objects, (journal) => ({
            append: async (line) => {
              if (headOfLine(line)?.kind === 'gone') throw new MediaError('MEDIA_UNAVAILABLE', 'EIO')
              await journal.append(line)
            },
          })),
        },
      ],
    })
    await other.store.delete(media.id)
    expect(merged(await linesOf(objects))).toHaveLength(1)
    await compact(other.store)
    expect(merged(await linesOf(objects))).toEqual([])
  })

  it('is due again when it fails while it is compacted', async () => {
    const { catalog, objects } = oneStore()
    let failures = 1
    let during: () => Promise<unknown> = async () => {}
    const tiers = [
      {
        name: 'memory',
        store: withJournal(objects, (journal) => ({
          async append(line) {
            if (failures-- > 0) throw new MediaError('MEDIA_UNAVAILABLE', 'EIO')
            await journal.append(line)
          },
          async compact(snapshot) {
            const lines: string[] = []
            for await (const line of snapshot) lines.push(line)
            await during()
            await journal.compact(
              (async function* () {
                yield* lines
              })(),
            )
          },
        })),
      },
    ]
    const { store } = await fixture({ catalog, tiers })
    await store.put(small)
    during = async () => {
      failures = 1
      during = async () => {}
      await store.put(large)
    }
    expect(await compact(store)).toBe(1)
    expect(await compact(store)).toBe(1)
    expect(merged(await linesOf(objects))).toEqual(await exported(catalog))
    expect(await compact(store)).toBe(0)
  })
})

describe('compactJournals()', () => {
  it('leaves one line for each record, and does nothing where nothing is due', async () => {
    const { catalog, objects, tiers } = oneStore()
    const { store } = await fixture({ catalog, tiers })
    expect(await compact(store)).toBe(0)
    const { id } = await store.put(small, { at: { key: 'a' } })
    for (let index = 0; index < 50; index++) await store.update(id, { tags: [`t${index}`] })
    await store.put(large)
    expect(await compact(store)).toBe(1)
    expect(await linesOf(objects)).toHaveLength(2)
    expect(merged(await linesOf(objects))).toEqual(await exported(catalog))
    await store.update(id, { tags: [] })
    expect(await compact(store)).toBe(0)
  })

  it('is due for a store whose records are older than its journal', async () => {
    const tables = createMemoryTables()
    const { objects, catalog, tiers } = oneStore({ tables })
    const { store } = await fixture({
      tiers: [
        {
          name: 'memory',
          store: { ...objects, journal: withJournal(objects, () => ({ append: async () => {} })).journal },
        },
      ],
      catalog,
    })
    await store.put(small)
    const later = await fixture({ catalog: memoryCatalog({ tables }), tiers })
    expect(await linesOf(objects)).toEqual([])
    expect(await compact(later.store)).toBe(1)
    expect(merged(await linesOf(objects))).toEqual(await exported(catalog))
  })

  it('keeps deletions for an hour: a line that another process still has to write brings no media back', async () => {
    let nowMs = Date.now()
    const clock = { ...systemClock, now: () => nowMs }
    const volume = createMemoryVolume({ maxBytes: 1e9, clock })
    const tables = createMemoryTables()
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const part = (name: string, change: (journal: Journal) => Partial<Journal> = () => ({})) => {
      const objects = memoryStore({ volume, clock })
      return {
        objects,
        options: {
          catalog: memoryCatalog({ tables, clock }),
          clock,
          tiers: [{ name, store: withJournal(objects, change) }],
        },
      }
    }
    const slow = part('memory', (journal) => ({
      async append(line) {
        await released
        await journal.append(line)
      },
    }))
    const quick = part('memory')
    const third = part('memory')
    const [a, b, c] = [
      await fixture(slow.options),
      await fixture(quick.options),
      await fixture(third.options),
    ]
    const put = a.store.put(small, { at: { key: 'slow' } })
    await expect.poll(() => b.store.stat({ key: 'slow' })).toBeDefined()
    await b.store.delete({ key: 'slow' })
    await b.store.put(large)
    expect(await compact(c.store)).toBe(1)
    release()
    await put
    expect(merged(await linesOf(quick.objects))).toEqual(await exported(quick.options.catalog))
    expect((await linesOf(quick.objects)).filter((line) => headOfLine(line)?.kind === 'gone')).toHaveLength(1)
    // The line came after all. Both go with the next compaction that is an hour younger.
    nowMs += 3_600_001
    quick.objects.volume.journal.hasSnapshot = false
    expect(await compact(b.store)).toBe(1)
    expect(await linesOf(quick.objects)).toHaveLength(1)
  })

  it('beside a lost catalog keeps every media that it does not know, and no deleted one', async () => {
    const volume = createMemoryVolume({ maxBytes: 1e9, clock: systemClock })
    const before = await fixture({
      catalog: memoryCatalog(),
      tiers: [{ name: 'memory', store: memoryStore({ volume }) }],
    })
    const kept = await before.store.put(small, { at: { key: 'kept' } })
    await before.store.update(kept.id, { tags: ['later'] })
    const deleted = await before.store.put(large)
    await before.store.delete(deleted.id)
    await compact(before.store)
    const objects = memoryStore({ volume })
    const catalog = memoryCatalog()
    const after = await fixture({ catalog, tiers: [{ name: 'memory', store: objects }] })
    const added = await after.store.put(Buffer.from('new'))
    volume.journal.hasSnapshot = false
    expect(await compact(after.store)).toBe(1)
    const left = merged(await linesOf(objects))
    expect(left.map(({ id }) => id)).toEqual([kept.id, added.id].sort())
    expect(left.find(({ id }) => id === kept.id)?.tags).toEqual(['later'])
  })

  it('ends with MEDIA_CLOSED when the store is closed meanwhile, and the old lines are all there', async () => {
    const { catalog, objects } = oneStore()
    let reached = (): void => {}
    const slow: Catalog = {
      ...catalog,
      async exportMedia(options) {
        reached()
        return catalog.exportMedia(options)
      },
    }
    const store = await createMediaStore({
      catalog: slow,
      tiers: [{ name: 'memory', store: objects }],
      upkeep: { intervalMs: 0 },
    })
    for (let index = 0; index < 300; index++) await store.put(Buffer.from(`body ${index}`))
    const lines = await linesOf(objects)
    let closing: Promise<void> = Promise.resolve()
    reached = () => {
      closing = store.close()
    }
    await expect(compact(store)).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    await closing
    expect(objects.volume.journal.segments.flat()).toEqual(lines)
  })
})

describe('two home volumes', () => {
  async function two(minCopies = 1) {
    const away = { first: false, second: false }
    const make = (name: 'first' | 'second') => {
      const objects = memoryStore({ name })
      return {
        ...objects,
        async identity() {
          if (away[name]) throw new MediaError('MEDIA_UNAVAILABLE', 'unmounted', { reason: 'volume-offline' })
          return objects.volume.identity
        },
      }
    }
    let nowMs = Date.now()
    const clock = { ...systemClock, now: () => (nowMs += 10_000) } // every look at a marker is due
    const [first, second] = [make('first'), make('second')]
    const catalog = memoryCatalog()
    const { store, events } = await fixture({
      catalog,
      clock,
      minCopies,
      tiers: [
        { name: 'first', store: first },
        { name: 'second', store: second },
      ],
    })
    return { store, events, catalog, first, second, away, pass: (ms: number) => (nowMs += ms) }
  }

  it('a line goes to the volume that holds the bytes, and to no other', async () => {
    const { store, first, second } = await two()
    await store.put(small)
    expect([await linesOf(first), await linesOf(second)].map((lines) => lines.length)).toEqual([1, 0])
  })

  it('a put with a second copy is in the journals of both, with both copies', async () => {
    const { store, catalog, first, second } = await two(2)
    await store.put(small)
    expect(merged(await linesOf(first))).toEqual(await exported(catalog))
    expect(merged(await linesOf(second))).toEqual(await exported(catalog))
    expect((await exported(catalog))[0]?.placements).toHaveLength(2)
  })

  it('a copy that repair made is in the journal of its volume after the next compaction', async () => {
    const { store, catalog, second, away } = await two(2)
    away.second = true
    await store.put(small)
    away.second = false
    await compact(store)
    for await (const _ of store.upkeep.repair()) continue
    expect((await exported(catalog))[0]?.placements).toHaveLength(2)
    expect(await compact(store)).toBe(2)
    expect(merged(await linesOf(second))).toEqual(await exported(catalog))
  })

  it('a change while that volume is away is told to the others, and to it once it is back', async () => {
    const { store, catalog, first, second, away, pass } = await two()
    const [kept, dropped] = [await store.put(small), await store.put(large)]
    away.first = true
    await store.update(kept.id, { tags: ['changed'] })
    await store.delete(dropped.id)
    expect(await linesOf(second)).toHaveLength(2)
    expect(merged([...(await linesOf(first)), ...(await linesOf(second))])).toEqual(await exported(catalog))
    pass(7_200_000)
    await compact(store) // the first is away: nothing is done there
    expect((await linesOf(second)).some((line) => parseGone(line)?.missed !== undefined)).toBe(true)
    away.first = false
    await compact(store)
    expect(merged(await linesOf(first))).toEqual(await exported(catalog))
  })
})
