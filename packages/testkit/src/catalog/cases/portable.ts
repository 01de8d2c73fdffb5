import assert from 'node:assert/strict'
import { type Catalog, newId, type PortableMedia } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, putOne, startCopy, walk } from '../copies.ts'
import { listIds, plain, recordOf, refuses } from '../expect.ts'
import { collectAll, purge } from '../purge.ts'
import { ALPHA, BETA, chunkSumsOf, put, stage } from '../put.ts'

type Advance = (ms: number) => Promise<void>
const TARGET = { kind: 'post', target: '1' }

function exportAll(catalog: Catalog, limit = 100): Promise<readonly PortableMedia[]> {
  return walk(async (cursor) => {
    const { media, ...page } = await catalog.exportMedia({ limit, ...cursor })
    return { ...page, items: media }
  }, limit)
}

/** All media, taken out of the catalog, which is empty then. */
async function takeOut(catalog: Catalog, advance: Advance): Promise<readonly PortableMedia[]> {
  const media = await exportAll(catalog)
  assert.deepEqual(await purge(catalog, advance), [])
  return media
}

async function exportOne(catalog: Catalog, id: string): Promise<PortableMedia> {
  const found = (await exportAll(catalog)).find((media) => media.id === id)
  assert.ok(found !== undefined, 'exportMedia() leaves it out')
  return found
}

/** What everybody sees, but for the ids of blobs, which are the catalog's own. */
async function everything(catalog: Catalog): Promise<unknown> {
  const records: unknown[] = []
  for (const namespace of [ALPHA, BETA]) {
    for (const query of [{}, { tag: 'summer' }, { q: 'holiday' }, { owner: 'bob' }, { link: TARGET }])
      records.push((await catalog.list(namespace, query)).records)
    records.push(await catalog.get(namespace, { key: 'a/b.png' }))
    records.push(await catalog.linked(namespace, [TARGET], 10))
    for (const by of ['owner', 'type', 'tier'] as const) records.push(await catalog.usage(namespace, by))
  }
  const volumes = [...(await catalog.volumeUsage())].sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1))
  return withoutBlobIds(plain([records, volumes]))
}

function withoutBlobIds(value: unknown): unknown {
  if (Array.isArray(value)) {
    const members = value.map(withoutBlobIds)
    // Placements of one blob have no order.
    const isPlacements = members.every((one) => typeof one === 'object' && one !== null && 'volumeId' in one)
    return isPlacements ? members.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : members
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name]) => name !== 'blobId')
  return Object.fromEntries(members.map(([name, member]) => [name, withoutBlobIds(member)]))
}

/** Of every kind, and no garbage beside it. */
async function fillVariously(catalog: Catalog, advance: Advance): Promise<void> {
  const { record } = await put(catalog, {
    at: { key: 'a/b.png' },
    bytes: 'one',
    visibility: 'public',
    tags: ['summer', 'Ümläut 😀'],
    metadata: { title: 'holiday', deep: { list: [1, null, 'x'] } },
    links: [TARGET],
    facts: { width: 3, height: 4, camera: { make: 'Ümläut', fNumber: 1.7 } },
    filename: 'holiday ä.png',
  })
  await endCopy(catalog, await startCopy(catalog, record.content.blobId), { etag: 'tag' })
  await put(catalog, { bytes: 'one', owner: 'bob', namespace: BETA })
  await put(catalog, { bytes: 'one', owner: 'bob', namespace: BETA, domain: BETA, volumeId: COLD })
  const replaced = await put(catalog, { bytes: 'old', contentType: 'text/plain', state: 'pending' })
  await put(catalog, { at: replaced.record.id, bytes: 'new', contentType: 'text/plain', tags: ['summer'] })
  await catalog.update(ALPHA, replaced.record.id, { filename: 'renamed.txt' })
  await put(catalog, { bytes: '', state: 'quarantined' })
  await collectAll(catalog, advance)
}

/** Media by value: out of one catalog and into another. */
export const portableCases: readonly CatalogCase[] = [
  {
    id: 'portable.round-trip',
    claim:
      'media that were exported and put into an empty catalog are as they were, whoever asks and however',
    async check({ catalog, advance }) {
      await fillVariously(catalog, advance)
      const before = await everything(catalog)
      const media = await takeOut(catalog, advance)
      await advance(1_000)
      assert.equal(await catalog.importMedia(media), media.length)
      assert.deepEqual(await everything(catalog), before)
      assert.deepEqual(plain(await exportAll(catalog)), plain(media), 'exported again')
      assert.deepEqual([...(await collectAll(catalog, advance))], [], 'nothing of it is garbage')
    },
  },
  {
    id: 'portable.held',
    claim: 'what is held stays held in another catalog: state, verdict, and all that shares bytes found bad',
    async check({ catalog, advance }) {
      const infected = { verdict: 'infected', engine: 'kit', database: '1', signature: 'x' } as const
      const held = await put(catalog, { bytes: 'bad', verdict: infected })
      const free = await put(catalog, { bytes: 'free' })
      await put(catalog, { state: 'pending' })
      const verdict = { verdict: 'released', engine: 'admin', database: '' } as const
      await catalog.settleVerdict(free.record.content.blobId, verdict, { from: [], to: 'active', limit: 1 })
      const before = await everything(catalog)
      const media = await takeOut(catalog, advance)
      const [bad] = media.filter(({ id }) => id === held.record.id)
      assert.ok(bad !== undefined)
      assert.deepEqual(plain([bad.content.state, bad.blob.verdict]), ['quarantined', infected])
      await catalog.importMedia(media)
      assert.deepEqual(await everything(catalog), before)
      for (const { blob } of [bad, ...media])
        assert.deepEqual(
          plain((await catalog.verdictOf(blob.domain, blob.digest ?? 'sha256:')) ?? null),
          plain(blob.verdict ?? null),
        )
      const { verdict: _verdict, ...unknown } = bad.blob
      const late = {
        ...bad,
        id: newId(),
        blob: unknown,
        content: { ...bad.content, state: 'active' as const },
      }
      await catalog.importMedia([late])
      assert.equal(
        (await recordOf(catalog, ALPHA, late.id)).content.state,
        'quarantined',
        'of the same bytes',
      )
      const clean = { ...infected, verdict: 'clean' as const }
      await catalog.importMedia([{ ...bad, blob: { ...unknown, verdict: clean } }])
      assert.equal((await put(catalog, { bytes: 'bad' })).record.content.state, 'quarantined', 'a put')
    },
  },
  {
    id: 'portable.sums',
    claim: 'chunk sums travel with the media',
    async check({ catalog, advance }) {
      await put(catalog, { bytes: 'content' })
      const [media] = await takeOut(catalog, advance)
      assert.ok(media !== undefined)
      const sums = Buffer.from(chunkSumsOf(Buffer.from('content')))
      assert.deepEqual(Buffer.from(media.blob.chunkSums ?? []), sums, 'out')
      await catalog.importMedia([media])
      const { blobId } = (await recordOf(catalog, ALPHA, media.id)).content
      assert.deepEqual(Buffer.from((await catalog.chunkSums(blobId)) ?? []), sums, 'and in')
    },
  },
  {
    id: 'portable.walk',
    claim: 'exportMedia() gives every media of every namespace once, in order of namespace and id, by pages',
    async check({ catalog }) {
      const made: string[] = []
      for (let n = 0; n < 7; n++) {
        const namespace = n % 3 === 0 ? BETA : ALPHA
        made.push(`${namespace} ${(await putOne(catalog, { namespace })).id}`)
      }
      const media = await exportAll(catalog, 2)
      assert.deepEqual(
        media.map(({ namespace, id }) => `${namespace} ${id}`),
        made.sort(),
      )
      await refuses('MEDIA_BAD_INPUT', catalog.exportMedia({ limit: 2, cursor: 'no cursor' }), 'garbage')
    },
  },
  {
    id: 'portable.of-blob',
    claim:
      'exportMedia() of a blob gives the media that it serves, of every namespace, in order of namespace and id, by pages',
    async check({ catalog }) {
      const { blobId, id } = await putOne(catalog, { bytes: 'shared' })
      const made = [`${ALPHA} ${id}`]
      for (let n = 0; n < 6; n++) {
        const namespace = n % 2 === 0 ? BETA : ALPHA
        await put(catalog, { namespace, bytes: `other ${n}` })
        made.push(`${namespace} ${(await put(catalog, { namespace, bytes: 'shared' })).record.id}`)
      }
      const waits = await putOne(catalog, { bytes: 'older' })
      await put(catalog, { at: waits.id, bytes: 'shared', state: 'pending' })
      const shared = await walk(async (cursor) => {
        const { media, ...page } = await catalog.exportMedia({ limit: 2, blobId, ...cursor })
        return { ...page, items: media }
      }, 2)
      assert.deepEqual(
        shared.map(({ namespace, id: one }) => `${namespace} ${one}`),
        made.sort(),
      )
      assert.deepEqual((await catalog.exportMedia({ limit: 2, blobId: newId() })).media, [], 'no such blob')
    },
  },
  {
    id: 'portable.idempotent',
    claim: 'importMedia() of what is there writes nothing',
    async check({ catalog, advance }) {
      await fillVariously(catalog, advance)
      const media = await exportAll(catalog)
      const before = await everything(catalog)
      assert.equal(await catalog.importMedia(media), 0, 'in place')
      assert.deepEqual(await everything(catalog), before)
      await takeOut(catalog, advance)
      assert.equal(await catalog.importMedia([...media, ...media]), media.length, 'told twice')
      assert.deepEqual(await everything(catalog), before)
    },
  },
  {
    id: 'portable.later',
    claim:
      'importMedia() leaves a record of a later revision as it is, and puts a later one in place of an earlier',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, { bytes: 'early', tags: ['early'], at: { key: 'k' } })
      const early = await exportOne(catalog, id)
      await put(catalog, { at: id, bytes: 'late', tags: ['late'] })
      const late = await exportOne(catalog, id)
      assert.equal(await catalog.importMedia([early]), 0, 'an earlier one')
      assert.deepEqual(plain(await exportOne(catalog, id)), plain(late))
      await takeOut(catalog, advance)
      assert.equal(await catalog.importMedia([early]), 1)
      assert.equal(await catalog.importMedia([late]), 1, 'a later one')
      assert.deepEqual(plain(await exportOne(catalog, id)), plain(late))
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'early' }), [])
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'late' }), [id])
      assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).id, id)
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ key }) => key),
        early.placements.map(({ key }) => key),
      )
      const [usage] = await catalog.usage(ALPHA, 'owner')
      assert.deepEqual({ ...usage }, { name: 'ann', media: 1, logicalBytes: 4, storedBytes: 4 })
    },
  },
  {
    id: 'portable.keys',
    claim: 'a host key that two media claim is of the one that changed later, in whatever order they come',
    async check({ catalog, advance }) {
      const { id: one } = await putOne(catalog, { at: { key: 'k' } })
      const first = await exportOne(catalog, one)
      await catalog.update(ALPHA, one, { key: null })
      await advance(10)
      const { id: two } = await putOne(catalog, { at: { key: 'k' } })
      const second = await exportOne(catalog, two)
      assert.ok(second.updatedAt > first.updatedAt)
      await takeOut(catalog, advance)
      for (const order of [
        [first, second],
        [second, first],
      ]) {
        assert.equal(await catalog.importMedia(order), 2)
        assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).id, two)
        assert.equal((await recordOf(catalog, ALPHA, one)).key, undefined)
        assert.deepEqual(await listIds(catalog, ALPHA, { key: 'k' }), [two])
        assert.equal(await catalog.importMedia(order), 0, 'again')
        await takeOut(catalog, advance)
      }
      const twin = { ...first, updatedAt: second.updatedAt }
      for (const order of [
        [twin, second],
        [second, twin],
      ]) {
        await catalog.importMedia(order)
        assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).id, one > two ? one : two, 'at one time')
        await takeOut(catalog, advance)
      }
    },
  },
  {
    id: 'portable.put-after',
    claim: 'a put of bytes that were imported uses them; a later change goes on from the revision',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, { bytes: 'content', tags: ['a'] })
      await catalog.update(ALPHA, id, { tags: ['b'] })
      const [media] = await takeOut(catalog, advance)
      assert.ok(media !== undefined)
      await catalog.importMedia([media])
      const staged = await stage(catalog, { bytes: 'content' })
      assert.deepEqual(
        staged.existing.map(({ key }) => key),
        media.placements.map(({ key }) => key),
      )
      await catalog.endSession(staged.session)
      const { record } = await put(catalog, { bytes: 'content', owner: 'bob' })
      assert.equal(record.content.blobId, (await recordOf(catalog, ALPHA, id)).content.blobId)
      const changed = await catalog.update(ALPHA, id, { tags: ['c'] }, { ifRevision: media.revision })
      assert.equal(changed.revision, media.revision + 1)
      assert.equal(changed.createdAt.getTime(), media.createdAt.getTime())
      const replaced = await put(catalog, { at: id, bytes: 'other' })
      assert.equal(replaced.record.content.number, media.content.number + 1)
    },
  },
  {
    id: 'portable.placements',
    claim: 'importMedia() adds the copies that are not known, also of a record that stays, and no key twice',
    async check({ catalog }) {
      const { id } = await putOne(catalog, { bytes: 'content' })
      const media = await exportOne(catalog, id)
      const added = { id: newId(), volumeId: COLD, key: 'found/copy', owned: true, storedBytes: 7 }
      const [known] = media.placements
      assert.ok(known !== undefined)
      const elsewhere = { ...known, key: 'found/other' }
      assert.equal(
        await catalog.importMedia([{ ...media, placements: [{ ...known, id: newId() }, added, elsewhere] }]),
        0,
        'the record stays',
      )
      const { placements } = (await recordOf(catalog, ALPHA, id)).content
      assert.deepEqual(
        placements.map(({ key }) => key).sort(),
        [known.key, 'found/copy', 'found/other'].sort(),
      )
      assert.equal(new Set(placements.map((placement) => placement.id)).size, 3, 'an id that is taken')
      const usage = await catalog.volumeUsage()
      assert.equal(usage.find(({ volumeId }) => volumeId === COLD)?.storedBytes, 7)
      assert.equal(usage.find(({ volumeId }) => volumeId === DISK)?.objects, 2)
    },
  },
  {
    id: 'portable.stale',
    claim: 'an earlier state of a record that stays brings no bytes back that nothing refers to',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, { bytes: 'early' })
      const early = await exportOne(catalog, id)
      await put(catalog, { at: id, bytes: 'late' })
      await collectAll(catalog, advance)
      assert.equal(await catalog.importMedia([early]), 0)
      const disk = (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === DISK)
      assert.equal(disk?.objects, 1)
    },
  },
  {
    id: 'portable.taken-back',
    claim: 'an object that was taken for an orphan is taken back by the media it belongs to',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, { bytes: 'content' })
      const [media] = await takeOut(catalog, advance)
      const [placement] = media?.placements ?? []
      assert.ok(media !== undefined && placement !== undefined)
      await catalog.leaveOrphans(DISK, [{ key: placement.key, storedBytes: 7 }])
      await catalog.importMedia([media])
      assert.equal((await recordOf(catalog, ALPHA, id)).content.placements.length, 1)
      assert.deepEqual([...(await collectAll(catalog, advance))], [])
      const disk = (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === DISK)
      assert.equal(disk?.objects, 1)
      assert.equal(disk?.storedBytes, 7)
    },
  },
  {
    id: 'portable.no-digest',
    claim: 'media without digest keep their bytes in common by their placement',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, { bytes: 'content' })
      const [found] = await takeOut(catalog, advance)
      assert.ok(found !== undefined)
      const { digest: _digest, chunkSums: _chunkSums, ...blob } = found.blob
      const media = { ...found, blob }
      assert.equal(await catalog.importMedia([media, { ...media, id: newId() }]), 2)
      const [one, two] = (await catalog.list(ALPHA, {})).records
      assert.equal(one?.content.digest, undefined)
      assert.equal(one?.content.blobId, two?.content.blobId)
      assert.equal(await catalog.chunkSums(one?.content.blobId ?? ''), undefined)
      assert.equal((await recordOf(catalog, ALPHA, id)).content.sizeBytes, 7)
    },
  },
  {
    id: 'portable.atomic',
    claim: 'importMedia() takes all of the media or none',
    async check({ catalog, advance }) {
      await putOne(catalog)
      await putOne(catalog, { namespace: BETA })
      const media = await takeOut(catalog, advance)
      const [first, second] = media
      assert.ok(first !== undefined && second !== undefined)
      const lost = second.placements.map((placement) => ({ ...placement, volumeId: 'no-volume' }))
      await refuses(
        'MEDIA_BAD_INPUT',
        catalog.importMedia([first, { ...second, placements: lost }]),
        'a volume that is not registered',
        'unknown-volume',
      )
      await refuses(
        'MEDIA_CONFLICT',
        catalog.importMedia([first, { ...second, id: first.id }]),
        'one id in two namespaces',
        'id-taken',
      )
      assert.deepEqual(await exportAll(catalog), [])
      assert.deepEqual(await purge(catalog, advance), [])
      assert.equal(await catalog.importMedia(media), 2)
    },
  },
]
