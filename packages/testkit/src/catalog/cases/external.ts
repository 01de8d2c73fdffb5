import assert from 'node:assert/strict'
import { type Catalog, digestOf, newId, type PortableMedia } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { allThin, COLD, DISK, endCopy, putOne, startCopy, walk } from '../copies.ts'
import { listIds, plain, recordOf, refuses, sameRecord } from '../expect.ts'
import { allExternal, externalObject, register, registerOne } from '../external.ts'
import { collectAll, purge } from '../purge.ts'
import { ALPHA, BETA, put, stage } from '../put.ts'

async function keysOf(catalog: Catalog, volumeId = COLD): Promise<string[]> {
  return (await allExternal(catalog, volumeId)).map(({ key }) => key)
}

const forget = (catalog: Catalog, key: string, etag = 'one'): Promise<number> =>
  catalog.forgetExternal(COLD, [{ key, etag }])

/** Objects that are not ours. */
export const externalCases: readonly CatalogCase[] = [
  {
    id: 'external.register',
    claim:
      'registerExternal() makes a record of an object: read, found and counted as any other, its placement not ours',
    async check({ catalog }) {
      const object = externalObject('a/summer.png', { filename: 'beach.png' })
      const outcomes = await register(catalog, [
        object,
        externalObject('b.mp4', { contentType: 'video/mp4' }),
      ])
      assert.deepEqual([...outcomes], ['registered', 'registered'])
      const record = await recordOf(catalog, ALPHA, { key: 'a/summer.png' })
      const { content, createdAt, updatedAt, ...fields } = record
      assert.deepEqual(plain(fields), {
        id: object.newId,
        namespace: ALPHA,
        key: 'a/summer.png',
        owner: 'ann',
        visibility: 'public',
        revision: 1,
        tags: [],
        metadata: {},
        links: [],
      })
      assert.equal(createdAt.getTime(), updatedAt.getTime())
      const { blobId, createdAt: _createdAt, ...shown } = content
      assert.deepEqual(plain(shown), {
        number: 1,
        state: 'active',
        sizeBytes: 7,
        contentType: 'image/png',
        filename: 'beach.png',
        facts: {},
        placements: [
          {
            id: object.placementId,
            blobId,
            volumeId: COLD,
            key: 'a/summer.png',
            state: 'live',
            owned: false,
            storedBytes: 7,
            etag: 'one',
          },
        ],
      })
      assert.equal(await catalog.chunkSums(blobId), undefined)
      for (const query of [{ q: 'beach' }, { type: 'image/png' }, { key: 'a/summer.png' }])
        assert.deepEqual(await listIds(catalog, ALPHA, query), [object.newId], JSON.stringify(query))
      assert.equal((await listIds(catalog, ALPHA, { owner: 'ann' })).length, 2)
    },
  },
  {
    id: 'external.usage',
    claim: 'external objects count for their owner, their type, their tier and their volume',
    async check({ catalog }) {
      await registerOne(catalog, 'a', { sizeBytes: 7 })
      await registerOne(catalog, 'b', { sizeBytes: 5 })
      const sums = { media: 2, logicalBytes: 12, storedBytes: 12 }
      assert.deepEqual(plain(await catalog.usage(ALPHA, 'owner')), [{ name: 'ann', ...sums }])
      assert.deepEqual(plain(await catalog.usage(ALPHA, 'type')), [{ name: 'image/png', ...sums }])
      assert.deepEqual(plain(await catalog.usage(ALPHA, 'tier')), [{ name: 'cold', ...sums }])
      const cold = (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === COLD)
      assert.deepEqual([cold?.objects, cold?.storedBytes], [2, 12])
      await forget(catalog, 'a')
      const left = (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === COLD)
      assert.deepEqual([left?.objects, left?.storedBytes], [1, 5])
      const [ann] = await catalog.usage(ALPHA, 'owner')
      assert.deepEqual([ann?.media, ann?.logicalBytes], [1, 5])
    },
  },
  {
    id: 'external.again',
    claim: 'an object that is registered again with the same etag and size changes nothing',
    async check({ catalog }) {
      const record = await registerOne(catalog, 'a')
      const again = externalObject('a', { mediaKey: 'other', contentType: 'text/plain' })
      assert.deepEqual([...(await register(catalog, [again], { owner: 'bob' }))], ['unchanged'])
      sameRecord(await catalog.get(ALPHA, record.id), record, 'the record')
      assert.deepEqual(await listIds(catalog, ALPHA), [record.id])
      const elsewhere = externalObject('a', { mediaKey: 'elsewhere' })
      const outcomes = await register(catalog, [elsewhere], { volumeId: DISK })
      assert.deepEqual([...outcomes], ['registered'], 'a key of another volume is another object')
    },
  },
  {
    id: 'external.replaced',
    claim: 'an object with another etag or size gives its record a new content, and the record stays',
    async check({ catalog, advance }) {
      const first = await registerOne(catalog, 'a')
      await catalog.update(ALPHA, first.id, { tags: ['kept'], visibility: 'private' })
      const changes = [
        externalObject('a', { etag: 'two', contentType: 'image/webp', filename: 'new.webp' }),
        externalObject('a', { etag: 'two', sizeBytes: 9 }),
      ]
      for (const [at, change] of changes.entries()) {
        assert.deepEqual([...(await register(catalog, [change], { owner: 'bob' }))], ['replaced'])
        const record = await recordOf(catalog, ALPHA, { key: 'a' })
        assert.deepEqual(
          [record.id, record.revision, record.owner, record.visibility, [...record.tags]],
          [first.id, 3 + at, 'ann', 'private', ['kept']],
        )
        const { number, sizeBytes, contentType, filename, placements } = record.content
        assert.deepEqual(
          [number, sizeBytes, contentType, filename],
          [2 + at, change.sizeBytes, change.contentType, change.filename],
        )
        assert.deepEqual(
          placements.map(({ id, etag }) => [id, etag]),
          [[change.placementId, 'two']],
        )
        assert.notEqual(record.content.blobId, first.content.blobId)
      }
      assert.equal(await catalog.copiesOf(first.content.blobId), undefined, 'the old one is forgotten')
      assert.deepEqual(await listIds(catalog, ALPHA), [first.id])
      assert.deepEqual([...(await collectAll(catalog, advance))], [])
    },
  },
  {
    id: 'external.renamed',
    claim: 'a record whose key was changed still gets the new content of its object',
    async check({ catalog }) {
      const { id } = await registerOne(catalog, 'a')
      await catalog.update(ALPHA, id, { key: 'b' })
      assert.deepEqual([...(await register(catalog, [externalObject('a', { etag: 'two' })]))], ['replaced'])
      const record = await recordOf(catalog, ALPHA, { key: 'b' })
      assert.deepEqual([record.id, record.content.number], [id, 2])
      assert.deepEqual(await listIds(catalog, ALPHA), [id])
    },
  },
  {
    id: 'external.taken',
    claim:
      'an object whose key belongs to another media, or that is one of ours, is left alone, the others are not',
    async check({ catalog }) {
      const { record: mine } = await put(catalog, { at: { key: 'a' } })
      const [ours] = (await put(catalog, { volumeId: COLD })).record.content.placements
      const outcomes = await register(catalog, [
        externalObject('a'),
        externalObject(ours?.key ?? ''),
        externalObject('b'),
      ])
      assert.deepEqual([...outcomes], ['taken', 'taken', 'registered'])
      sameRecord(await catalog.get(ALPHA, { key: 'a' }), mine, 'the record')
      assert.deepEqual(await keysOf(catalog), ['b'])
      const own = await catalog.copiesOf(ours?.blobId ?? '')
      assert.equal(own?.placements[0]?.owned, true)
      const inBeta = await register(catalog, [externalObject('a')], { namespace: BETA })
      assert.deepEqual([...inBeta], ['registered'], 'keys are those of the namespace')
    },
  },
  {
    id: 'external.deleted',
    claim: 'a deleted record of an external object stays away until the object is another',
    async check({ catalog, advance }) {
      const { id } = await registerOne(catalog, 'a')
      await catalog.delete(ALPHA, id)
      await collectAll(catalog, advance)
      assert.deepEqual([...(await register(catalog, [externalObject('a')]))], ['unchanged'])
      assert.deepEqual(await listIds(catalog, ALPHA), [])
      const changed = externalObject('a', { etag: 'two' })
      assert.deepEqual([...(await register(catalog, [changed]))], ['registered'])
      assert.deepEqual(await listIds(catalog, ALPHA), [changed.newId])
      assert.deepEqual(
        plain((await allExternal(catalog, COLD)).map(({ etag }) => etag)),
        ['two'],
        'one placement each',
      )
    },
  },
  {
    id: 'external.all-or-none',
    claim:
      'a refused registration takes none of its objects: ids that are taken, objects given twice, bad sizes',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const [placement] = record.content.placements
      const fresh = externalObject('fresh')
      const refused = [
        ['MEDIA_CONFLICT', externalObject('b', { newId: record.id })],
        ['MEDIA_CONFLICT', externalObject('b', { placementId: placement?.id ?? '' })],
        ['MEDIA_BAD_INPUT', externalObject('fresh')],
        ['MEDIA_BAD_INPUT', externalObject('b', { sizeBytes: -1 })],
        ['MEDIA_BAD_INPUT', externalObject('b', { sizeBytes: 0.5 })],
      ] as const
      for (const [code, object] of refused) {
        await refuses(code, register(catalog, [fresh, object]), code)
        assert.deepEqual(await keysOf(catalog), [], code)
      }
      assert.deepEqual(await listIds(catalog, ALPHA), [record.id])
    },
  },
  {
    id: 'external.list',
    claim: 'listExternal() gives the external objects of a volume by the bytes of their keys, page by page',
    async check({ catalog }) {
      // U+FF5E sorts before U+1F600 by bytes, and after it by UTF-16 units.
      const keys = ['a', 'B', 'a/b', 'ä', '～', '😀', 'a b', 'z'.repeat(1_000)]
      await register(
        catalog,
        keys.map((key) => externalObject(key)),
      )
      await register(catalog, [externalObject('elsewhere')], { volumeId: DISK })
      await putOne(catalog, { volumeId: COLD })
      const sorted = [...keys].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      for (const limit of [1, 3, 8, 100]) {
        const found = await allExternal(catalog, COLD, limit)
        assert.deepEqual(
          found.map(({ key }) => key),
          sorted,
          `pages of ${limit}`,
        )
      }
      for (const [from, at] of [
        ['a/', 3],
        ['a/b', 3],
        ['', 0],
        ['a', 1],
        ['～', 6],
        ['😀😀', 8],
      ] as const) {
        const { objects } = await catalog.listExternal(COLD, { limit: 100, from })
        assert.deepEqual(
          objects.map(({ key }) => key),
          sorted.slice(at),
          `from ${from}`,
        )
        const { cursor } = await catalog.listExternal(COLD, { limit: 1, from })
        if (cursor === undefined) continue
        const next = await catalog.listExternal(COLD, { limit: 1, from, cursor })
        assert.equal(next.objects[0]?.key, sorted[at + 1], 'a cursor counts more')
      }
      const [first] = await allExternal(catalog, COLD)
      const { content } = await recordOf(catalog, ALPHA, { key: 'B' })
      assert.deepEqual(plain(first), {
        key: 'B',
        etag: 'one',
        sizeBytes: 7,
        placementId: content.placements[0]?.id,
        blobId: content.blobId,
      })
      await refuses('MEDIA_BAD_INPUT', catalog.listExternal(COLD, { limit: 3, cursor: 'none' }), 'no cursor')
    },
  },
  {
    id: 'external.forget',
    claim: 'forgetExternal() takes an object with its record; one that is newer, elsewhere or ours stays',
    async check({ catalog }) {
      const { id, content } = await registerOne(catalog, 'a')
      const [own] = (await put(catalog, { volumeId: COLD })).record.content.placements
      for (const objects of [
        [{ key: 'a', etag: 'old' }],
        [{ key: 'a' }],
        [{ key: own?.key ?? '' }],
        [{ key: 'no such', etag: 'one' }],
      ])
        assert.equal(await catalog.forgetExternal(COLD, objects), 0, JSON.stringify(objects))
      assert.equal(await catalog.forgetExternal(DISK, [{ key: 'a', etag: 'one' }]), 0)
      await registerOne(catalog, 'b')
      const both = ['a', 'b', 'a'].map((key) => ({ key, etag: 'one' }))
      assert.equal(await catalog.forgetExternal(COLD, both), 2)
      assert.equal(await catalog.get(ALPHA, id), undefined)
      assert.equal(await catalog.get(ALPHA, { key: 'b' }), undefined)
      assert.equal(await catalog.copiesOf(content.blobId), undefined)
      assert.equal((await listIds(catalog, ALPHA)).length, 1, 'our own')
      assert.deepEqual(await listIds(catalog, ALPHA, { q: 'file' }), await listIds(catalog, ALPHA))
    },
  },
  {
    id: 'external.forget-copied',
    claim: 'the record of an object that is gone stays while another copy is left, a bad one too',
    async check({ catalog, advance }) {
      const copied = await registerOne(catalog, 'a')
      const copy = await startCopy(catalog, copied.content.blobId, { volumeId: DISK })
      await endCopy(catalog, copy)
      const damaged = await registerOne(catalog, 'b')
      const bad = await startCopy(catalog, damaged.content.blobId, { volumeId: DISK })
      await endCopy(catalog, bad)
      await catalog.markBad(bad.placementId)
      const staged = await registerOne(catalog, 'c')
      await startCopy(catalog, staged.content.blobId, { volumeId: DISK })
      for (const key of ['a', 'b', 'c']) assert.equal(await forget(catalog, key), 1)
      const { placements } = (await recordOf(catalog, ALPHA, { key: 'a' })).content
      assert.deepEqual(
        placements.map(({ id }) => id),
        [copy.placementId],
      )
      assert.equal((await recordOf(catalog, ALPHA, { key: 'b' })).content.placements.length, 0)
      assert.equal(await catalog.get(ALPHA, { key: 'c' }), undefined, 'a copy under way is none yet')
      await catalog.delete(ALPHA, copied.id)
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        [copy.placementId],
      )
    },
  },
  {
    id: 'external.thin',
    claim: 'listThinBlobs() leaves external objects out, unless a copy of ours is on the volumes',
    async check({ catalog }) {
      const { content } = await registerOne(catalog, 'a')
      assert.deepEqual([...(await allThin(catalog, 1, [DISK]))], [])
      assert.deepEqual([...(await allThin(catalog, 2))], [])
      await endCopy(catalog, await startCopy(catalog, content.blobId, { volumeId: DISK }))
      const thin = (await allThin(catalog, 2, [DISK])).map(({ blobId }) => blobId)
      assert.deepEqual(thin, [content.blobId])
      assert.deepEqual([...(await allThin(catalog, 2, ['kit-other']))], [])
    },
  },
  {
    id: 'external.portable',
    claim:
      'external media come back from an export as they were: not ours, found by their object, without a digest',
    async check({ catalog, advance }) {
      const { id } = await registerOne(catalog, 'a')
      await catalog.update(ALPHA, id, { tags: ['kept'] })
      const before = await recordOf(catalog, ALPHA, id)
      const media = await exportAll(catalog)
      assert.equal(media[0]?.blob.digest, undefined)
      assert.deepEqual(await purge(catalog, advance), [])
      assert.equal(await catalog.importMedia(media), 1)
      assert.equal(await catalog.importMedia(media), 0)
      const after = await recordOf(catalog, ALPHA, { key: 'a' })
      assert.deepEqual(withoutBlobIds(after), withoutBlobIds(before))
      assert.deepEqual([...(await register(catalog, [externalObject('a')]))], ['unchanged'])
      assert.deepEqual([...(await register(catalog, [externalObject('a', { etag: '2' })]))], ['replaced'])
      assert.equal((await recordOf(catalog, ALPHA, id)).content.number, 2)
      assert.equal(await forget(catalog, 'a', '2'), 1)
      assert.deepEqual(await listIds(catalog, ALPHA), [])
    },
  },
  {
    id: 'external.portable-learned',
    claim:
      'media whose object was registered anew, and its digest not learned yet, come back with their bytes',
    async check({ catalog, advance }) {
      const object = externalObject('a')
      await register(catalog, [object])
      const { content } = await recordOf(catalog, ALPHA, object.newId)
      const digest = digestOf(Buffer.from('content'))
      const chunkSums = Uint8Array.of(1, 2, 3, 4)
      await catalog.learnDigest(content.blobId, { domain: '', digest, chunkSums })
      const media = await exportAll(catalog)
      assert.deepEqual(await purge(catalog, advance), [])
      for (const etag of ['one', 'two']) {
        const anew = await registerOne(catalog, 'a', { etag })
        assert.equal(await catalog.importMedia(media), 1)
        const back = await recordOf(catalog, ALPHA, object.newId)
        const now = await recordOf(catalog, ALPHA, anew.id)
        assert.equal(back.content.digest, digest)
        const isKnown = etag === 'one'
        assert.equal(now.content.digest, isKnown ? digest : undefined, etag)
        assert.equal(back.content.placements.length, isKnown ? 1 : 0, etag)
        assert.deepEqual(
          now.content.placements.map((placement) => placement.id),
          anew.content.placements.map((placement) => placement.id),
        )
        assert.deepEqual(await purge(catalog, advance), [])
      }
    },
  },
  {
    id: 'external.race',
    claim: 'of many registrations of one object at once one makes its record',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => register(n % 2 === 0 ? catalog : other, [externalObject('a')])),
      )
      assert.deepEqual(outcomes.flat().sort(), ['registered', ...Array<string>(7).fill('unchanged')])
      assert.equal((await listIds(catalog, ALPHA)).length, 1)
    },
  },
  {
    id: 'external.not-shared',
    claim:
      'no put shares the bytes of an external object, or is redundant beside it: its owner may change it',
    async check({ catalog }) {
      const bytes = 'content'
      const { content } = await registerOne(catalog, 'a', { sizeBytes: bytes.length })
      const own = await stage(catalog, { bytes })
      const digest = own.digest
      const chunkSums = new Uint8Array(4)
      await catalog.learnDigest(content.blobId, { domain: '', digest, chunkSums })
      const other = await stage(catalog, { bytes })
      assert.equal(other.existing.length, 0)
      const committed = await catalog.commitContent({
        session: own.session,
        blobId: own.blobId,
        placement: { id: own.placementId, storedBytes: own.sizeBytes },
        media: { newId: newId(), namespace: ALPHA, owner: 'ann' },
        content: { contentType: 'image/png', filename: 'f', facts: {}, state: 'active' },
      })
      assert.equal(committed.redundant, false)
      assert.deepEqual(committed.record.content.placements.map(({ owned }) => `${owned}`).sort(), [
        'false',
        'true',
      ])
    },
  },
]

function exportAll(catalog: Catalog): Promise<readonly PortableMedia[]> {
  return walk(async (cursor) => {
    const { media, ...page } = await catalog.exportMedia({ limit: 100, ...cursor })
    return { ...page, items: media }
  }, 100)
}

function withoutBlobIds(record: object): unknown {
  return JSON.parse(JSON.stringify(record, (name, value: unknown) => (name === 'blobId' ? undefined : value)))
}
