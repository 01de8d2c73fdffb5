import assert from 'node:assert/strict'
import { digestOf, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { plain, recordOf, refuses } from '../expect.ts'
import { ALPHA, beginInput, chunkSumsOf, commitInput, put, stage } from '../put.ts'

/** Transaction A and what becomes of placements. */
export const stagingCases: readonly CatalogCase[] = [
  {
    id: 'stage.new',
    claim: 'stagePlacement() of new bytes finds no placement, and what it inserts is not live',
    async check({ catalog }) {
      const one = await stage(catalog, { bytes: 'new' })
      assert.deepEqual([...one.existing], [])
      const two = await stage(catalog, { bytes: 'new' })
      assert.deepEqual([...two.existing], [], 'a staged placement is no placement to use')
      assert.equal(two.blobId, one.blobId, 'one blob')
    },
  },
  {
    id: 'stage.begins',
    claim: 'stagePlacement() can begin its session in the same call',
    async check({ catalog }) {
      const input = beginInput({ owner: 'bob', declared: { filename: 'x' } })
      const { session } = await stage(catalog, { owner: 'bob', session: input })
      assert.equal(session.id, input.id)
      assert.equal(session.owner, 'bob')
      const listed = await catalog.listSessions(ALPHA)
      assert.deepEqual(
        listed.map(({ id, fence }) => ({ id, fence })),
        [{ id: session.id, fence: session.fence }],
      )
      assert.deepEqual({ ...listed[0]?.declared }, { filename: 'x' })
    },
  },
  {
    id: 'stage.existing',
    claim: 'stagePlacement() of bytes that are live gives their placements and inserts none',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'shared' })
      const staged = await stage(catalog, { bytes: 'shared' })
      assert.equal(staged.blobId, record.content.blobId)
      assert.deepEqual(plain(staged.existing), plain(record.content.placements))
      const { record: second, redundant } = await catalog.commitContent(commitInput(staged))
      assert.equal(redundant, false)
      assert.notEqual(second.id, record.id)
      assert.equal(second.content.blobId, record.content.blobId)
      assert.deepEqual(
        second.content.placements.map(({ id }) => id),
        record.content.placements.map(({ id }) => id),
      )
      const [usage] = (await catalog.volumeUsage()).filter(({ volumeId }) => volumeId === 'kit-disk')
      assert.equal(usage?.objects, 1)
      assert.equal(usage?.storedBytes, 6)
    },
  },
  {
    id: 'stage.domains',
    claim: 'bytes are shared within a dedupe domain and not across',
    async check({ catalog }) {
      const one = await put(catalog, { bytes: 'same', domain: 'alpha' })
      const other = await stage(catalog, { bytes: 'same', domain: 'beta' })
      assert.deepEqual([...other.existing], [])
      assert.notEqual(other.blobId, one.record.content.blobId)
      const inside = await stage(catalog, { bytes: 'same', domain: 'alpha' })
      assert.equal(inside.existing.length, 1)
    },
  },
  {
    id: 'stage.distrust',
    claim: 'a placement that is distrusted is never given again, and the put that distrusts it replaces it',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'damaged' })
      const [bad] = record.content.placements
      assert.ok(bad !== undefined)
      const staged = await stage(catalog, { bytes: 'damaged', distrust: [bad.id] })
      assert.deepEqual([...staged.existing], [])
      assert.deepEqual(
        [...(await recordOf(catalog, ALPHA, record.id)).content.placements],
        [],
        'no longer live',
      )
      const again = await catalog.commitContent(commitInput(staged))
      assert.equal(again.redundant, false)
      const healed = await recordOf(catalog, ALPHA, record.id)
      assert.deepEqual(
        healed.content.placements.map(({ id }) => id),
        [staged.placementId],
        'the first record is healed',
      )
    },
  },
  {
    id: 'stage.mark-bad',
    claim: 'a placement marked bad is neither served nor deduplicated to',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'bad' })
      await put(catalog, { bytes: 'good' })
      const [placement] = record.content.placements
      assert.ok(placement !== undefined)
      await catalog.markBad(placement.id)
      await catalog.markBad(placement.id)
      await catalog.markBad(newId())
      assert.deepEqual([...(await recordOf(catalog, ALPHA, record.id)).content.placements], [])
      assert.equal((await stage(catalog, { bytes: 'bad' })).existing.length, 0)
      assert.equal((await stage(catalog, { bytes: 'good' })).existing.length, 1)
    },
  },
  {
    id: 'stage.taken',
    claim: 'a physical key or placement id is used once: staging it again is refused and leaves nothing',
    async check({ catalog }) {
      const one = await stage(catalog, { bytes: 'one' })
      const input = (placementId: string, key: string) => ({
        session: beginInput(),
        domain: '',
        digest: digestOf(Buffer.from('two')),
        sizeBytes: 3,
        chunkSums: new Uint8Array(4),
        volumeId: 'kit-disk',
        placementId,
        key,
      })
      await refuses('MEDIA_CONFLICT', catalog.stagePlacement(input(newId(), one.key)), 'the key')
      await refuses('MEDIA_CONFLICT', catalog.stagePlacement(input(one.placementId, 'other')), 'the id')
      assert.deepEqual(
        (await catalog.listSessions(ALPHA)).map(({ id }) => id),
        [one.session.id],
      )
      const elsewhere = await catalog.stagePlacement({ ...input(newId(), one.key), volumeId: 'kit-cold' })
      assert.equal(elsewhere.type, 'staged', 'the same key on another volume')
    },
  },
  {
    id: 'stage.chunk-sums',
    claim: 'chunkSums() gives the sums of a blob, in a copy of their own; undefined for an unknown one',
    async check({ catalog }) {
      const staged = await stage(catalog, { bytes: 'summed' })
      const wanted = chunkSumsOf(Buffer.from('summed'))
      const sums = await catalog.chunkSums(staged.blobId)
      assert.ok(sums !== undefined)
      assert.deepEqual([...sums], [...wanted])
      sums.fill(0)
      const { record } = await catalog.commitContent(commitInput(staged))
      assert.deepEqual([...((await catalog.chunkSums(record.content.blobId)) ?? [])], [...wanted])
      assert.equal(await catalog.chunkSums(newId()), undefined)
    },
  },
  {
    id: 'stage.no-sums',
    claim: 'chunkSums() of an empty body are empty',
    async check({ catalog }) {
      const input = { ...beginInput(), domain: '', digest: digestOf(new Uint8Array()), sizeBytes: 0 }
      const staged = await catalog.stagePlacement({
        session: beginInput({ id: input.id }),
        domain: '',
        digest: input.digest,
        sizeBytes: 0,
        chunkSums: new Uint8Array(),
        volumeId: 'kit-disk',
        placementId: newId(),
        key: 'empty',
      })
      assert.ok(staged.type === 'staged')
      assert.equal((await catalog.chunkSums(staged.blobId))?.byteLength, 0)
    },
  },
  {
    id: 'commit.redundant',
    claim:
      'of two that stored the same bytes the first to commit is live, the placement of the second is not',
    async check({ catalog }) {
      const one = await stage(catalog, { bytes: 'twice' })
      const two = await stage(catalog, { bytes: 'twice' })
      const second = await catalog.commitContent(commitInput(two))
      assert.equal(second.redundant, false)
      const first = await catalog.commitContent(commitInput(one))
      assert.equal(first.redundant, true)
      for (const { record } of [first, second]) {
        const { placements } = (await recordOf(catalog, ALPHA, record.id)).content
        assert.deepEqual(
          placements.map(({ id, state }) => ({ id, state })),
          [{ id: two.placementId, state: 'live' }],
        )
      }
      assert.notEqual(first.record.id, second.record.id)
    },
  },
  {
    id: 'commit.existing-gone',
    claim: 'a commit that was to use a placement which went bad meanwhile is refused with MEDIA_CONFLICT',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'shared' })
      const staged = await stage(catalog, { bytes: 'shared' })
      const [placement] = record.content.placements
      assert.ok(placement !== undefined)
      await catalog.markBad(placement.id)
      await refuses('MEDIA_CONFLICT', catalog.commitContent(commitInput(staged)), 'commitContent()')
      const again = await stage(catalog, { bytes: 'shared' }, staged.session)
      assert.deepEqual([...again.existing], [])
      const { record: second } = await catalog.commitContent(commitInput(again))
      assert.equal(second.content.placements.length, 1, 'the same session may stage again')
    },
  },
  {
    id: 'commit.foreign-blob',
    claim: 'a session cannot commit bytes that it did not stage, nor a placement of another session',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'theirs' })
      const mine = await stage(catalog, { bytes: 'mine' })
      const other = await stage(catalog, { bytes: 'mine' })
      const { placement: _, ...rest } = commitInput(mine)
      const foreign = catalog.commitContent({ ...rest, blobId: record.content.blobId })
      await refuses('MEDIA_LEASE_LOST', foreign, 'another blob')
      const stolen = catalog.commitContent({ ...rest, placement: { id: other.placementId, storedBytes: 4 } })
      await refuses('MEDIA_LEASE_LOST', stolen, 'the placement of another session')
      await catalog.commitContent(commitInput(mine))
    },
  },
  {
    id: 'commit.other-volume',
    claim: 'a placement says on which volume it is',
    async check({ catalog }) {
      const { record } = await put(catalog, { volumeId: 'kit-cold' })
      const [placement] = (await recordOf(catalog, ALPHA, record.id)).content.placements
      assert.equal(placement?.volumeId, 'kit-cold')
    },
  },
]
