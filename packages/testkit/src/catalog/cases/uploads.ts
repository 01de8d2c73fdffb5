import assert from 'node:assert/strict'
import { type Catalog, newId, type UploadSessionRecord } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { plain, refuses } from '../expect.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, BETA, begin, beginUpload, commitInput, LONG_TTL_MS, SHORT_TTL_MS, stage } from '../put.ts'

const LEASE_MS = 60_000
/** Told until the first round of `expireSessions`. */
const KEPT = { declared: { told: true }, ttlMs: 1 }
const ann = (bytes: number, limitBytes: number) => [{ subject: { owner: 'ann' }, bytes, limitBytes }]

/** Sessions that outlive a process. */
export const uploadCases: readonly CatalogCase[] = [
  {
    id: 'upload.record',
    claim: 'getSession() tells of uploads what was asked for, and of puts and unknown ids nothing',
    async check({ catalog }) {
      const declared = { name: 'ü', sizeBytes: 7 }
      const session = await beginUpload(catalog, { declared, mediaId: newId() })
      const upload = await uploadOf(catalog, session.id)
      assert.deepEqual(plain(upload), plain({ ...session, state: 'created' }))
      assert.deepEqual({ ...upload.declared }, declared)
      assert.deepEqual(
        (await catalog.listSessions(ALPHA)).map(({ id }) => id),
        [session.id],
      )
      const put = await begin(catalog)
      for (const id of [put.id, 'unknown']) {
        assert.equal(await catalog.getSession(id), undefined)
        await refuses('MEDIA_ABSENT', catalog.claimSession(id, { leaseMs: 1, force: true }), 'claimSession()')
      }
      // What only an upload has makes none of a put.
      await catalog.extendSession(put, { leaseMs: LEASE_MS, state: 'receiving' })
      assert.equal(await catalog.getSession(put.id), undefined)
      await catalog.endSession(put, { ...KEPT, state: 'aborted' })
      assert.equal(await catalog.getSession(put.id), undefined)
    },
  },
  {
    id: 'upload.extend',
    claim: 'extendSession() changes what it is given of an upload, and nothing else',
    async check({ catalog }) {
      const session = await beginUpload(catalog, { declared: { a: 1 } })
      await catalog.extendSession(session, { state: 'receiving', offsetBytes: 9, declared: { b: 2 } })
      const upload = await uploadOf(catalog, session.id)
      const changed = { ...session, state: 'receiving', offsetBytes: 9, declared: { b: 2 } }
      assert.deepEqual(plain(upload), plain(changed))
      const shown = await catalog.extendSession(session, { ttlMs: 2 * LONG_TTL_MS })
      assert.ok(shown.expiresAt.getTime() > session.expiresAt.getTime(), 'the end of life')
      assert.deepEqual(plain({ ...(await uploadOf(catalog, session.id)) }), plain({ ...upload, ...shown }))
      await refuses('MEDIA_BAD_INPUT', catalog.extendSession(session, { leaseMs: -1 }), 'a lease below 0')
      const claim = catalog.claimSession(session.id, { leaseMs: Number.NaN })
      await refuses('MEDIA_BAD_INPUT', claim, 'a lease that is none')
    },
  },
  {
    id: 'upload.claim-fences',
    claim: 'a claim fences off who had the upload before: it can neither extend, stage, commit nor end it',
    async check({ catalog }) {
      const first = await beginUpload(catalog)
      const staged = await stage(catalog, {}, first)
      const second = await catalog.claimSession(first.id, { leaseMs: LEASE_MS })
      assert.notEqual(second.fence, first.fence)
      await refuses('MEDIA_LEASE_LOST', catalog.extendSession(first, { offsetBytes: 1 }), 'extendSession()')
      await refuses('MEDIA_LEASE_LOST', stage(catalog, {}, first), 'stagePlacement()')
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(commitInput(staged)), 'commitContent()')
      const kept = { ...commitInput(staged), keepSession: KEPT }
      await refuses('MEDIA_LEASE_LOST', catalog.commitContent(kept), 'commitContent() that keeps')
      await catalog.endSession(first)
      await catalog.endSession(first, { ...KEPT, state: 'aborted' })
      assert.equal((await uploadOf(catalog, first.id)).state, 'created')
      // What was staged is the upload's, whoever has it.
      const third = await catalog.claimSession(first.id, { leaseMs: LEASE_MS, force: true })
      await refuses('MEDIA_LEASE_LOST', catalog.extendSession(second, {}), 'the second')
      await catalog.commitContent({ ...commitInput(staged), session: third })
    },
  },
  {
    id: 'upload.claim-locked',
    claim: 'an upload that is claimed is locked until its lease is over or given back, or force takes it',
    async check({ catalog, advance }) {
      const { id } = await beginUpload(catalog)
      const claim = (leaseMs: number, force = false): Promise<UploadSessionRecord> =>
        catalog.claimSession(id, { leaseMs, force })
      const lockedMs = async (): Promise<number> => {
        const error: unknown = await claim(1).then(
          () => assert.fail('claimSession() takes what is locked'),
          (thrown: unknown) => thrown,
        )
        await refuses('MEDIA_LOCKED', Promise.reject(error), 'claimSession()', 'upload-locked')
        return Number(Reflect.get(error as object, 'retryAfterMs'))
      }
      const first = await claim(LEASE_MS)
      assert.ok(first.lockedUntil !== undefined)
      const waitMs = await lockedMs()
      assert.ok(waitMs > 0 && waitMs <= LEASE_MS, `to try again in ${waitMs} ms`)
      const forced = await claim(LEASE_MS, true)
      assert.ok((await catalog.extendSession(forced, { leaseMs: 2 * LEASE_MS })).fence === forced.fence)
      assert.ok((await lockedMs()) > LEASE_MS, 'an extended lease')
      await catalog.extendSession(forced, { leaseMs: 0 })
      assert.equal((await uploadOf(catalog, id)).lockedUntil, undefined)
      const short = await claim(SHORT_TTL_MS)
      await advance(2 * SHORT_TTL_MS)
      assert.notEqual((await claim(LEASE_MS)).fence, short.fence)
    },
  },
  {
    id: 'upload.claim-over',
    claim: 'an upload whose time is over is gone, one that has ended says so, and neither is live',
    async check({ catalog, advance }) {
      const ended = await beginUpload(catalog)
      const committed = await beginUpload(catalog)
      await catalog.endSession(ended, { state: 'aborted', declared: {}, ttlMs: SHORT_TTL_MS })
      const staged = await stage(catalog, {}, committed)
      await catalog.commitContent({ ...commitInput(staged), keepSession: { ...KEPT, ttlMs: SHORT_TTL_MS } })
      for (const { id } of [ended, committed]) {
        const claim = catalog.claimSession(id, { leaseMs: 1, force: true })
        await refuses('MEDIA_CONFLICT', claim, 'claimSession() of one that has ended', 'upload-ended')
        assert.equal(await catalog.isSessionLive(id), false)
      }
      const late = await beginUpload(catalog, { ttlMs: 1 })
      await advance(2 * SHORT_TTL_MS)
      const claim = catalog.claimSession(late.id, { leaseMs: 1 })
      await refuses('MEDIA_GONE', claim, 'claimSession() of one whose time is over', 'upload-expired')
      assert.equal(await catalog.isSessionLive(late.id), false)
      assert.equal((await uploadOf(catalog, late.id)).state, 'created', 'until it is swept')
      // Of those that have ended too.
      assert.equal((await catalog.expireSessions({ limit: 10 })).length, 3)
      for (const { id } of [ended, committed, late]) assert.equal(await catalog.getSession(id), undefined)
    },
  },
  {
    id: 'upload.max-open',
    claim: 'of many that begin at once no more open than the owner may have in this namespace',
    async check({ catalog, advance }) {
      const upload = { state: 'created', maxOpen: 3 } as const
      const others = [
        await begin(catalog),
        await beginUpload(catalog, { owner: 'bob' }),
        await beginUpload(catalog, { namespace: BETA }),
        await beginUpload(catalog, { ttlMs: 1 }),
      ]
      const aborted = await beginUpload(catalog)
      await catalog.endSession(aborted, { ...KEPT, state: 'aborted' })
      await advance(SHORT_TTL_MS)
      // The first round warms up whatever calls share.
      for (const owner of ['carl', 'ann']) {
        const begins = Array.from({ length: 20 }, () => begin(catalog, { owner, upload }))
        const begun = await Promise.allSettled(begins)
        assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 3, owner)
      }
      const call = begin(catalog, { upload, reservations: ann(1, 100) })
      await refuses('MEDIA_RATE_LIMITED', call, 'one more', 'too-many-uploads')
      const open = (await catalog.listSessions(ALPHA)).filter(({ owner }) => owner !== 'carl')
      assert.equal(open.length, 3 + others.length - 1, 'those refused leave nothing')
      const mine = open.find(({ id, owner }) => owner === 'ann' && others.every((one) => one.id !== id))
      assert.ok(mine !== undefined)
      await catalog.endSession(mine)
      await begin(catalog, { upload, reservations: ann(100, 100) })
    },
  },
  {
    id: 'upload.quota',
    claim: 'uploads that begin, grow and commit at once never take more of a quota than there is',
    async check({ catalog }) {
      const one = async (): Promise<void> => {
        const session = await beginUpload(catalog, { reservations: ann(8, 50) })
        try {
          await catalog.extendSession(session, { reservations: ann(10, 50), state: 'receiving' })
          const staged = await stage(catalog, { bytes: newId().slice(-10) }, session)
          await catalog.commitContent({ ...commitInput(staged), keepSession: KEPT })
        } catch (error) {
          await catalog.endSession(session)
          throw error
        }
      }
      const results = await Promise.allSettled(Array.from({ length: 12 }, one))
      const storedBytes = 10 * results.filter(({ status }) => status === 'fulfilled').length
      assert.ok(storedBytes > 0 && storedBytes <= 50, `${storedBytes} bytes in a quota of 50`)
      const [usage] = await catalog.usage(ALPHA, 'owner')
      assert.equal(usage?.logicalBytes ?? 0, storedBytes)
      const more = beginUpload(catalog, { reservations: ann(51 - storedBytes, 50) })
      await refuses('MEDIA_QUOTA', more, 'a byte too much')
      await beginUpload(catalog, { reservations: ann(50 - storedBytes, 50) })
    },
  },
  {
    id: 'upload.kept',
    claim: 'a commit that keeps its session leaves only what is told of it: state, media, what was declared',
    async check({ catalog, advance }) {
      for (const [state, told] of [
        ['active', 'active'],
        ['pending', 'scanning'],
        ['quarantined', 'quarantined'],
      ] as const) {
        const session = await beginUpload(catalog, { reservations: ann(100, 100), declared: { old: true } })
        await catalog.extendSession(session, { leaseMs: LEASE_MS })
        const staged = await stage(catalog, { bytes: '' }, session)
        const spare = await stage(catalog, {}, session)
        const input = { ...commitInput(staged, { state }), keepSession: KEPT }
        const { record } = await catalog.commitContent(input)
        const kept = await uploadOf(catalog, session.id)
        assert.deepEqual([kept.state, kept.mediaId, { ...kept.declared }], [told, record.id, KEPT.declared])
        assert.equal(kept.lockedUntil, undefined)
        assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
        await refuses('MEDIA_LEASE_LOST', catalog.extendSession(session, {}), 'extendSession()')
        await refuses('MEDIA_LEASE_LOST', stage(catalog, {}, session), 'stagePlacement()')
        await refuses('MEDIA_LEASE_LOST', catalog.commitContent(input), 'a second commit')
        await catalog.endSession(session)
        await catalog.endSession(session, { ...KEPT, state: 'aborted' })
        assert.deepEqual(plain(await uploadOf(catalog, session.id)), plain(kept), 'after endSession()')
        await catalog.endSession(await beginUpload(catalog, { reservations: ann(100, 100) }))
        assert.deepEqual(
          (await collectAll(catalog, advance)).map(({ id }) => id),
          [spare.placementId],
          'what it staged beside',
        )
        await catalog.delete(ALPHA, record.id)
        assert.equal((await collectAll(catalog, advance)).length, 1, 'it pins nothing')
      }
    },
  },
  {
    id: 'upload.end-keep',
    claim: 'endSession() that keeps an upload drops what it holds and tells of it until its time is over',
    async check({ catalog, advance }) {
      const session = await beginUpload(catalog, { mediaId: newId(), reservations: ann(100, 100) })
      const staged = await stage(catalog, {}, session)
      const ttlMs = 2 * SHORT_TTL_MS
      const before = (await uploadOf(catalog, session.id)).expiresAt.getTime() - LONG_TTL_MS
      await catalog.endSession(session, { state: 'rejected', declared: { why: 'size' }, ttlMs })
      const { state, declared, expiresAt, mediaId, id } = await uploadOf(catalog, session.id)
      assert.deepEqual(
        [state, { ...declared }, mediaId, id],
        ['rejected', { why: 'size' }, undefined, session.id],
      )
      const lifeMs = expiresAt.getTime() - before
      assert.ok(lifeMs >= ttlMs && lifeMs < LONG_TTL_MS / 2, `told for ${lifeMs} ms`)
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
      await catalog.endSession(await begin(catalog, { reservations: ann(100, 100) }))
      const collected = await collectAll(catalog, advance)
      assert.deepEqual(
        collected.map((placement) => placement.id),
        [staged.placementId],
      )
      await advance(2 * ttlMs)
      await catalog.expireSessions({ limit: 10 })
      assert.equal(await catalog.getSession(session.id), undefined)
    },
  },
  {
    id: 'upload.reopen',
    claim: 'uploads are there when the storage is opened again: state, offset, lock, what was declared',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const session = await beginUpload(catalog, { declared: { name: 'x' } })
      const ended = await beginUpload(catalog)
      const claimed = await catalog.claimSession(session.id, { leaseMs: LEASE_MS })
      await catalog.extendSession(claimed, { state: 'receiving', offsetBytes: 3, declared: { name: 'y' } })
      await catalog.endSession(ended, { ...KEPT, state: 'aborted' })
      const before = await Promise.all([session, ended].map(({ id }) => catalog.getSession(id)))
      const again = await reopen()
      assert.deepEqual(
        plain(await Promise.all([session, ended].map(({ id }) => again.getSession(id)))),
        plain(before),
      )
      await refuses('MEDIA_LOCKED', again.claimSession(session.id, { leaseMs: 1 }), 'claimSession()')
    },
  },
]

async function uploadOf(catalog: Catalog, id: string): Promise<UploadSessionRecord> {
  const upload = await catalog.getSession(id)
  assert.ok(upload !== undefined, 'getSession() finds nothing')
  return upload
}
