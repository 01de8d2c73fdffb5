import assert from 'node:assert/strict'
import type { StagedCopy } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { allCopies, COLD, type CopyUnderWay, copyInput, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { recordOf, refuses } from '../expect.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, beginInput, commitInput, LONG_TTL_MS, SHORT_TTL_MS, stage, timeOf } from '../put.ts'

/** A further copy of bytes that are kept. */
export const copyCases: readonly CatalogCase[] = [
  {
    id: 'copy.made',
    claim: 'a copy that was staged and committed is live and verified, and serves beside the first',
    async check({ catalog }) {
      const one = await putOne(catalog, { bytes: 'content' })
      const copy = await startCopy(catalog, one.blobId)
      const { session, blob } = copy.staged
      assert.equal(session.id, copy.session.id)
      assert.equal(session.namespace, ALPHA)
      assert.ok(await catalog.isSessionLive(session.id))
      assert.deepEqual(blob, await catalog.copiesOf(one.blobId), 'the copies to make it from')
      assert.equal((await recordOf(catalog, ALPHA, one.id)).content.placements.length, 1, 'not yet')
      const before = await timeOf(catalog)
      assert.deepEqual({ ...(await endCopy(catalog, copy, { etag: 'tag' })) }, { redundant: false })
      const { placements } = (await recordOf(catalog, ALPHA, one.id)).content
      assert.deepEqual(
        placements.find(({ id }) => id === copy.placementId),
        {
          id: copy.placementId,
          blobId: one.blobId,
          volumeId: COLD,
          key: copy.key,
          state: 'live',
          owned: true,
          storedBytes: 7,
          etag: 'tag',
        },
      )
      assert.equal(placements.length, 2)
      const [stored] = await allCopies(catalog, { volumeIds: [COLD] })
      assert.ok(Number(stored?.verifiedAt) >= before, 'it was verified')
      assert.equal(await catalog.isSessionLive(session.id), false)
      const staged = await stage(catalog, { bytes: 'content' })
      assert.equal(staged.existing.length, 2, 'a put of the same bytes may use either')
    },
  },
  {
    id: 'copy.unwanted',
    claim: 'stageCopy() begins nothing for a blob that is gone or that no content refers to',
    async check({ catalog, advance }) {
      const one = await putOne(catalog, { bytes: 'pinned' })
      await stage(catalog, { bytes: 'pinned' })
      await catalog.delete(ALPHA, one.id)
      const gone = await putOne(catalog)
      await catalog.delete(ALPHA, gone.id)
      const sessions = await catalog.listSessions(ALPHA)
      assert.deepEqual(
        { ...(await catalog.stageCopy(copyInput(one.blobId))) },
        { type: 'unwanted' },
        'pinned',
      )
      assert.deepEqual(
        { ...(await catalog.stageCopy(copyInput(gone.blobId))) },
        { type: 'unwanted' },
        'loose',
      )
      await collectAll(catalog, advance)
      assert.deepEqual({ ...(await catalog.stageCopy(copyInput(gone.blobId))) }, { type: 'unwanted' }, 'gone')
      assert.equal((await catalog.listSessions(ALPHA)).length, sessions.length)
    },
  },
  {
    id: 'copy.present',
    claim: 'stageCopy() begins nothing where the volume has a live copy; a bad one is none',
    async check({ catalog }) {
      const one = await putOne(catalog)
      const again = copyInput(one.blobId, { volumeId: DISK })
      assert.deepEqual({ ...(await catalog.stageCopy(again)) }, { type: 'present' })
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
      await catalog.markBad(one.placementId)
      await endCopy(catalog, await startCopy(catalog, one.blobId, { volumeId: DISK }))
      const { placements } = (await recordOf(catalog, ALPHA, one.id)).content
      assert.equal(placements.length, 1)
      assert.notEqual(placements[0]?.id, one.placementId)
    },
  },
  {
    id: 'copy.under-way',
    claim: 'of many that begin one copy at once, one does; the others are told whose lease they wait for',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const inputs = Array.from({ length: 8 }, () => copyInput(one.blobId))
      const answers = await Promise.all(inputs.map((input) => catalog.stageCopy(input)))
      const begun = answers.flatMap((answer) => (answer.type === 'staged' ? [answer.session.id] : []))
      assert.equal(begun.length, 1, 'copies begun')
      for (const answer of answers)
        if (answer.type !== 'staged') isWaiting(answer, begun[0], LONG_TTL_MS, 'at once')
      assert.deepEqual(
        (await catalog.listSessions(ALPHA)).map(({ id }) => id),
        begun,
        'those that wait begin no session',
      )
      await advance(SHORT_TTL_MS)
      isWaiting(
        await catalog.stageCopy(copyInput(one.blobId)),
        begun[0],
        LONG_TTL_MS - SHORT_TTL_MS,
        'the lease counts down',
      )
      await catalog.markBad(one.placementId)
      await startCopy(catalog, one.blobId, { volumeId: DISK }) // another volume
      await startCopy(catalog, (await putOne(catalog)).blobId) // another blob
    },
  },
  {
    id: 'copy.put-under-way',
    claim: 'a put of the same bytes, which may take as long as its sender likes, stands in no copy’s way',
    async check({ catalog }) {
      const one = await putOne(catalog, { bytes: 'same' })
      // Its sender cannot reach the volume of the first, so that it stages bytes of its own.
      const staged = await stage(catalog, { bytes: 'same', volumeId: COLD, reachable: [COLD] })
      assert.equal(staged.existing.length, 0)
      await endCopy(catalog, await startCopy(catalog, one.blobId))
    },
  },
  {
    id: 'copy.taken-over',
    claim: 'a copy whose lease is over is begun by the next who asks; bytes that came keep the lease',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const first = await startCopy(catalog, one.blobId, { leaseMs: SHORT_TTL_MS })
      await catalog.extendSession(first.staged.session, { leaseMs: LONG_TTL_MS, offsetBytes: 1 })
      await advance(2 * SHORT_TTL_MS)
      const { id } = first.staged.session
      isWaiting(await catalog.stageCopy(copyInput(one.blobId)), id, LONG_TTL_MS, 'extended')
      await catalog.extendSession(first.staged.session, { leaseMs: SHORT_TTL_MS })
      await advance(2 * SHORT_TTL_MS)
      const second = await startCopy(catalog, one.blobId)
      isWaiting(
        await catalog.stageCopy(copyInput(one.blobId)),
        second.staged.session.id,
        LONG_TTL_MS,
        'taken over',
      )
      assert.equal((await endCopy(catalog, second)).redundant, false)
      assert.equal((await endCopy(catalog, first)).redundant, true, 'who was late')
    },
  },
  {
    id: 'copy.lease-dies',
    claim: 'a lease lasts no longer than its session, however long it was to be',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const session = beginInput({ ttlMs: SHORT_TTL_MS })
      await startCopy(catalog, one.blobId, { session })
      const waiting = await catalog.stageCopy(copyInput(one.blobId))
      if (waiting.type === 'staged') return // on a busy machine its time was over already
      isWaiting(waiting, session.id, SHORT_TTL_MS, 'as long as the session')
      await advance(2 * SHORT_TTL_MS)
      await startCopy(catalog, one.blobId)
    },
  },
  {
    id: 'copy.over',
    claim: 'a copy that was given up, or whose lease was let go, is begun by the next who asks, at once',
    async check({ catalog }) {
      const one = await putOne(catalog)
      const begin = (): Promise<CopyUnderWay> => startCopy(catalog, one.blobId)
      await catalog.endSession((await begin()).staged.session)
      await catalog.extendSession((await begin()).staged.session, { leaseMs: 0 })
      await endCopy(catalog, await begin())
      assert.deepEqual({ ...(await catalog.stageCopy(copyInput(one.blobId))) }, { type: 'present' })
    },
  },
  {
    id: 'copy.refused',
    claim: 'a refused stageCopy() leaves nothing: no session, no pin, no placement',
    async check({ catalog }) {
      const one = await putOne(catalog)
      const other = await putOne(catalog, { volumeId: COLD })
      const [taken] = (await recordOf(catalog, ALPHA, other.id)).content.placements
      const refusals = [
        ['MEDIA_CONFLICT', copyInput(one.blobId, { key: taken?.key ?? '' })],
        ['MEDIA_CONFLICT', copyInput(one.blobId, { placementId: one.placementId })],
        [
          'MEDIA_NO_SPACE',
          copyInput(one.blobId, {
            session: beginInput({
              reservations: [{ subject: { volumeId: COLD }, bytes: 100, limitBytes: 50 }],
            }),
          }),
        ],
      ] as const
      for (const [code, input] of refusals) {
        await refuses(code, catalog.stageCopy(input), code)
        assert.equal(await catalog.isSessionLive(input.session.id), false, code)
      }
      await catalog.delete(ALPHA, one.id)
      assert.equal((await catalog.condemn({ limit: 10 })).condemned, 1, 'it is not pinned')
    },
  },
  {
    id: 'copy.pins',
    claim: 'bytes that are being copied are not collected, and go with their copy once nothing needs them',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const copy = await startCopy(catalog, one.blobId)
      await catalog.delete(ALPHA, one.id)
      assert.deepEqual([...(await collectAll(catalog, advance))], [], 'under way')
      await endCopy(catalog, copy)
      const dropped = (await collectAll(catalog, advance)).map(({ id }) => id)
      assert.deepEqual(dropped.sort(), [one.placementId, copy.placementId].sort())
    },
  },
  {
    id: 'copy.lease-lost',
    claim: 'commitCopy() refuses a session that was swept, that is another, or that staged another copy',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const expired = await startCopy(catalog, one.blobId, { session: beginInput({ ttlMs: 1 }) })
      await advance(SHORT_TTL_MS)
      await catalog.expireSessions({ limit: 10 })
      await refuses('MEDIA_LEASE_LOST', endCopy(catalog, expired), 'swept')
      const copy = await startCopy(catalog, one.blobId, { leaseMs: 0 })
      const other = await startCopy(catalog, one.blobId, { leaseMs: 0 })
      const { session } = copy.staged
      const stale = { ...copy, staged: { ...copy.staged, session: { ...session, fence: session.fence - 1 } } }
      await refuses('MEDIA_LEASE_LOST', endCopy(catalog, stale), 'an older fence')
      const foreign = { ...copy, placementId: other.placementId }
      await refuses('MEDIA_LEASE_LOST', endCopy(catalog, foreign), 'the copy of another session')
      assert.equal((await recordOf(catalog, ALPHA, one.id)).content.placements.length, 1)
      await endCopy(catalog, copy)
      await refuses('MEDIA_LEASE_LOST', endCopy(catalog, copy), 'committed before')
    },
  },
  {
    id: 'copy.redundant',
    claim: 'of two copies to one volume the second is redundant: it leaves, the first stays',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const first = await startCopy(catalog, one.blobId, { leaseMs: 0 })
      const second = await startCopy(catalog, one.blobId)
      assert.equal((await endCopy(catalog, first)).redundant, false)
      assert.equal((await endCopy(catalog, second)).redundant, true)
      const ids = (await recordOf(catalog, ALPHA, one.id)).content.placements.map(({ id }) => id)
      assert.deepEqual(ids.sort(), [one.placementId, first.placementId].sort())
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        [second.placementId],
      )
    },
  },
  {
    id: 'copy.abandoned',
    claim: 'a copy whose session ends without a commit leaves, and its reservations are free',
    async check({ catalog, advance }) {
      const one = await putOne(catalog)
      const reservations = [{ subject: { volumeId: COLD }, bytes: 100 }]
      const copy = await startCopy(catalog, one.blobId, { session: beginInput({ reservations }) })
      const cold = async () => (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === COLD)
      assert.equal((await cold())?.reservedBytes, 100)
      assert.equal((await cold())?.objects, 0, 'staged')
      await catalog.endSession(copy.staged.session)
      assert.equal((await cold())?.reservedBytes, 0)
      assert.equal((await cold())?.objects, 1, 'leaving')
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        [copy.placementId],
      )
    },
  },
  {
    id: 'copy.usage',
    claim: 'a copy counts on its volume and in stored bytes, not in logical bytes',
    async check({ catalog }) {
      const staged = await stage(catalog, { bytes: '0123456789' })
      const { record } = await catalog.commitContent(commitInput(staged))
      const reservations = [{ subject: { volumeId: COLD }, bytes: 100 }]
      const session = beginInput({ reservations })
      await endCopy(catalog, await startCopy(catalog, record.content.blobId, { session }))
      const cold = (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === COLD)
      assert.deepEqual({ ...cold }, { volumeId: COLD, storedBytes: 10, objects: 1, reservedBytes: 0 })
      const [usage] = await catalog.usage(ALPHA, 'owner')
      assert.deepEqual({ ...usage }, { name: 'ann', media: 1, logicalBytes: 10, storedBytes: 20 })
    },
  },
]

function isWaiting(answer: StagedCopy, sessionId: string | undefined, maxLeftMs: number, what: string): void {
  assert.ok(answer.type === 'under-way', `${what}: stageCopy() answers ${answer.type}`)
  assert.equal(answer.sessionId, sessionId, what)
  const { leaseLeftMs } = answer
  assert.ok(leaseLeftMs > 0 && leaseLeftMs <= maxLeftMs, `${what}: ${leaseLeftMs} ms of ${maxLeftMs} left`)
}
