import assert from 'node:assert/strict'
import { type Catalog, type Digest, digestOf, type MediaRecord, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { plain, recordOf, refuses, sameRecord } from '../expect.ts'
import { registerOne } from '../external.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, chunkSumsOf, put, stage } from '../put.ts'

const BYTES = 'content'
const GRACE_MS = 3_600_000
const DIGEST = digestOf(Buffer.from(BYTES))
const SUMS = chunkSumsOf(Buffer.from(BYTES))

const learn = (
  catalog: Catalog,
  blobId: string,
  { domain = '', digest = DIGEST }: { readonly domain?: string; readonly digest?: Digest } = {},
): Promise<string | undefined> => catalog.learnDigest(blobId, { domain, digest, chunkSums: SUMS })

/** The record of an external object that holds `BYTES`. */
const external = (catalog: Catalog, key = 'a'): Promise<MediaRecord> =>
  registerOne(catalog, key, { sizeBytes: BYTES.length })

const placementIds = ({ content }: MediaRecord): string[] => content.placements.map(({ id }) => id).sort()

/** What the bytes of an external object turn out to be. */
export const learnCases: readonly CatalogCase[] = [
  {
    id: 'learn.alone',
    claim: 'learnDigest() gives a blob its digest and its sums; learning the same again changes nothing',
    async check({ catalog, advance }) {
      const { id, revision, content } = await external(catalog)
      const { blobId } = content
      for (const _again of [1, 2]) {
        assert.equal(await learn(catalog, blobId), blobId)
        const record = await recordOf(catalog, ALPHA, id)
        assert.deepEqual([record.content.digest, record.content.blobId], [DIGEST, blobId])
        assert.equal(record.revision, revision, 'no body has changed')
        assert.deepEqual(plain(record.content.placements), plain(content.placements))
        assert.deepEqual(new Uint8Array((await catalog.chunkSums(blobId)) ?? []), SUMS)
      }
      const other = learn(catalog, blobId, { digest: digestOf(Buffer.from('other')) })
      await refuses('MEDIA_CONFLICT', other, 'other bytes', 'other-content')
      assert.equal((await recordOf(catalog, ALPHA, id)).content.digest, DIGEST)
      await catalog.forgetExternal(COLD, [{ key: 'a', etag: 'one' }])
      await collectAll(catalog, advance)
      assert.equal(await learn(catalog, blobId), undefined, 'it is gone')
    },
  },
  {
    id: 'learn.joins',
    claim: 'where a blob has the digest already, contents and copies of both are those of that one',
    async check({ catalog, advance }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      const theirs = await external(catalog)
      const before = await catalog.usage(ALPHA, 'owner')
      assert.equal(await learn(catalog, theirs.content.blobId), mine.blobId)
      assert.equal(await catalog.copiesOf(theirs.content.blobId), undefined)
      const [object] = theirs.content.placements
      const both = [mine.placementId, object?.id ?? ''].sort()
      for (const id of [mine.id, theirs.id]) {
        const record = await recordOf(catalog, ALPHA, id)
        assert.equal(record.content.blobId, mine.blobId)
        assert.equal(record.content.digest, DIGEST)
        assert.deepEqual(placementIds(record), both)
      }
      const [ann] = await catalog.usage(ALPHA, 'owner')
      assert.deepEqual([ann?.media, ann?.logicalBytes], [before[0]?.media, before[0]?.logicalBytes])
      assert.equal(ann?.storedBytes, 14, 'stored twice, for both')
      await catalog.forgetExternal(COLD, [{ key: 'a', etag: 'one' }])
      assert.deepEqual(placementIds(await recordOf(catalog, ALPHA, theirs.id)), [mine.placementId])
      for (const id of [mine.id, theirs.id]) await catalog.delete(ALPHA, id)
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        [mine.placementId],
      )
    },
  },
  {
    id: 'learn.two-objects',
    claim:
      'two external objects of the same bytes share a blob; when one is replaced the other keeps its record',
    async check({ catalog }) {
      const [one, two] = [await external(catalog, 'a'), await external(catalog, 'b')]
      await learn(catalog, one.content.blobId)
      assert.equal(await learn(catalog, two.content.blobId), one.content.blobId)
      assert.equal((await recordOf(catalog, ALPHA, two.id)).content.placements.length, 2)
      const outcomes = await catalog.registerExternal({
        namespace: ALPHA,
        volumeId: COLD,
        owner: 'ann',
        visibility: 'public',
        objects: [
          {
            newId: newId(),
            placementId: newId(),
            key: 'a',
            mediaKey: 'a',
            sizeBytes: 9,
            etag: 'two',
            contentType: 'image/png',
            filename: 'f',
          },
        ],
      })
      assert.deepEqual([...outcomes], ['replaced'])
      const changed = await recordOf(catalog, ALPHA, { key: 'a' })
      assert.deepEqual([changed.id, changed.content.number, changed.content.digest], [one.id, 2, undefined])
      const kept = await recordOf(catalog, ALPHA, { key: 'b' })
      assert.deepEqual([kept.id, kept.content.number, kept.content.digest], [two.id, 1, DIGEST])
      assert.deepEqual(placementIds(kept), placementIds(two))
    },
  },
  {
    id: 'learn.walk',
    claim: 'copies of blobs that became one are all found by a walk, whatever its pages',
    async check({ catalog }) {
      const theirs = await external(catalog)
      const early = await startCopy(catalog, theirs.content.blobId, { volumeId: DISK })
      await endCopy(catalog, early)
      const mine = await putOne(catalog, { bytes: BYTES })
      await learn(catalog, theirs.content.blobId)
      const found = []
      let cursor: string | undefined
      do {
        const page = await catalog.listCopies({
          volumeIds: [DISK, COLD],
          limit: 1,
          ...(cursor === undefined ? {} : { cursor }),
        })
        found.push(...page.copies.map(({ placement }) => placement.id))
        cursor = page.cursor
      } while (cursor !== undefined)
      assert.deepEqual(found.sort(), [early.placementId, mine.placementId].sort())
    },
  },
  {
    id: 'learn.under-way',
    claim: 'a copy under way and planned moves go on with the blob that the bytes became part of',
    async check({ catalog }) {
      const mine = await putOne(catalog, { bytes: BYTES, volumeId: COLD })
      const theirs = await external(catalog)
      const { blobId } = theirs.content
      const copy = await startCopy(catalog, blobId, { volumeId: DISK })
      const move = { cause: 'promote', rank: 0 } as const
      const [kept, twice, moved] = [newId(), newId(), newId()]
      await catalog.planMoves([
        { ...move, id: kept, blobId: mine.blobId, toVolumeId: DISK },
        { ...move, id: twice, blobId, toVolumeId: DISK },
        { ...move, id: moved, blobId, toVolumeId: COLD },
      ])
      await learn(catalog, blobId)
      await endCopy(catalog, copy)
      assert.ok(placementIds(await recordOf(catalog, ALPHA, mine.id)).includes(copy.placementId))
      const { moves } = await catalog.listMoves({ limit: 10 })
      assert.deepEqual(
        moves.map((one) => [one.id, one.blobId]),
        [
          [kept, mine.blobId],
          [moved, mine.blobId],
        ],
      )
      const again = await catalog.planMoves([{ ...move, id: twice, blobId: mine.blobId, toVolumeId: COLD }])
      assert.deepEqual([...again], [], 'it is planned for this blob now')
    },
  },
  {
    id: 'learn.pinned',
    claim: 'bytes pinned for a copy stay pinned when they become part of another blob',
    async check({ catalog, advance }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      const theirs = await external(catalog)
      const copy = await startCopy(catalog, theirs.content.blobId, { volumeId: DISK })
      await learn(catalog, theirs.content.blobId)
      for (const id of [mine.id, theirs.id]) await catalog.delete(ALPHA, id)
      assert.deepEqual([...(await collectAll(catalog, advance))], [])
      await catalog.endSession(copy.staged.session)
      const dropped = (await collectAll(catalog, advance)).map(({ id }) => id)
      assert.deepEqual(dropped.sort(), [mine.placementId, copy.placementId].sort())
    },
  },
  {
    id: 'learn.domain',
    claim: 'a blob of another domain with the same digest is another blob',
    async check({ catalog }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      const { content } = await external(catalog)
      assert.equal(await learn(catalog, content.blobId, { domain: ALPHA }), content.blobId)
      const staged = await stage(catalog, { bytes: BYTES, domain: ALPHA })
      assert.equal(staged.blobId, content.blobId, 'it is found in its domain')
      assert.equal((await stage(catalog, { bytes: BYTES })).blobId, mine.blobId)
    },
  },
  {
    id: 'learn.revives',
    claim: 'a condemned blob that bytes become part of is garbage no more',
    async check({ catalog, advance }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      await catalog.delete(ALPHA, mine.id)
      await catalog.condemn({ limit: 10 })
      const theirs = await external(catalog)
      assert.equal(await learn(catalog, theirs.content.blobId), mine.blobId)
      assert.deepEqual([...(await collectAll(catalog, advance))], [])
      const record = await recordOf(catalog, ALPHA, theirs.id)
      assert.ok(placementIds(record).includes(mine.placementId))
    },
  },
  {
    id: 'learn.grace',
    claim: 'a condemned blob that bytes became part of has its whole grace when it is let go again',
    needs: ['clock'],
    async check({ catalog, advance }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      await catalog.delete(ALPHA, mine.id)
      await catalog.condemn({ limit: 10 })
      await advance(2 * GRACE_MS)
      const theirs = await external(catalog)
      await learn(catalog, theirs.content.blobId)
      await catalog.delete(ALPHA, theirs.id)
      await catalog.condemn({ limit: 10 })
      assert.deepEqual([...(await catalog.claimGarbage({ graceMs: GRACE_MS, limit: 10 }))], [])
      await advance(GRACE_MS)
      const claimed = await catalog.claimGarbage({ graceMs: GRACE_MS, limit: 10 })
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [mine.placementId],
      )
    },
  },
  {
    id: 'learn.other-size',
    claim: 'bytes of another size than the object was registered with are not its bytes',
    async check({ catalog }) {
      const mine = await putOne(catalog, { bytes: BYTES })
      const theirs = await registerOne(catalog, 'a', { sizeBytes: BYTES.length + 1 })
      await refuses('MEDIA_CONFLICT', learn(catalog, theirs.content.blobId), 'its size', 'other-content')
      sameRecord(await catalog.get(ALPHA, theirs.id), theirs, 'the record')
      assert.equal((await recordOf(catalog, ALPHA, mine.id)).content.placements.length, 1)
    },
  },
  {
    id: 'learn.race',
    claim: 'puts and what is learned of the same bytes at once end in one blob',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      const objects = []
      for (const key of ['a', 'b', 'c', 'd']) objects.push(await external(catalog, key))
      await Promise.all(
        objects.flatMap(({ content }, n) => [
          learn(n % 2 === 0 ? catalog : other, content.blobId),
          put(n % 2 === 0 ? other : catalog, { bytes: BYTES }),
        ]),
      )
      const { records } = await catalog.list(ALPHA, { limit: 100 })
      assert.equal(records.length, 8)
      assert.equal(new Set(records.map(({ content }) => content.blobId)).size, 1)
      for (const { content } of records) {
        const own = content.placements.filter(({ owned }) => owned)
        assert.deepEqual([content.placements.length, own.length], [5, 1])
      }
    },
  },
]
