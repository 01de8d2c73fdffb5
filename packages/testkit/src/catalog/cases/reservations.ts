import assert from 'node:assert/strict'
import type { Catalog, Reservation, VolumeUsage } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { refuses } from '../expect.ts'
import { ALPHA, BETA, begin, beginInput, commitInput, LONG_TTL_MS, put, SHORT_TTL_MS, stage } from '../put.ts'

const disk = (bytes: number, limitBytes?: number): Reservation => ({
  subject: { volumeId: 'kit-disk' },
  bytes,
  ...(limitBytes === undefined ? {} : { limitBytes }),
})
const ann = (bytes: number, limitBytes?: number): Reservation => ({
  subject: { owner: 'ann' },
  bytes,
  ...(limitBytes === undefined ? {} : { limitBytes }),
})

/** Room and quotas. */
export const reservationCases: readonly CatalogCase[] = [
  {
    id: 'reserve.volume',
    claim: 'room on a volume is given up to its limit and refused with MEDIA_NO_SPACE beyond',
    async check({ catalog }) {
      await begin(catalog, { reservations: [disk(60, 100)] })
      await refuses('MEDIA_NO_SPACE', begin(catalog, { reservations: [disk(41, 100)] }), 'a byte too much')
      await begin(catalog, { reservations: [disk(40, 100)] })
      await begin(catalog, {
        reservations: [{ subject: { volumeId: 'kit-cold' }, bytes: 100, limitBytes: 100 }],
      })
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 100)
      assert.equal((await usageOf(catalog, 'kit-cold')).reservedBytes, 100)
    },
  },
  {
    id: 'reserve.owner',
    claim: "an owner's quota is given up to its limit and refused with MEDIA_QUOTA beyond",
    async check({ catalog }) {
      await begin(catalog, { reservations: [ann(60, 100)] })
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(41, 100)] }), 'a byte too much')
      await begin(catalog, { reservations: [ann(40, 100)] })
      await begin(catalog, { reservations: [{ subject: { owner: 'bob' }, bytes: 100, limitBytes: 100 }] })
    },
  },
  {
    id: 'reserve.owner-namespace',
    claim: 'quotas are per namespace',
    async check({ catalog }) {
      await put(catalog, { bytes: '0123456789' })
      await begin(catalog, { reservations: [ann(90, 100)] })
      await begin(catalog, { namespace: BETA, reservations: [ann(100, 100)] })
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(1, 100)] }), 'the full one')
    },
  },
  {
    id: 'reserve.unlimited',
    claim: 'a reservation without a limit is never refused, and counts for others',
    async check({ catalog }) {
      await begin(catalog, { reservations: [disk(1_000), ann(1_000)] })
      await begin(catalog, { reservations: [disk(1_000), ann(1_000)] })
      await refuses('MEDIA_NO_SPACE', begin(catalog, { reservations: [disk(1, 2_000)] }), 'the volume')
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(1, 2_000)] }), 'the owner')
    },
  },
  {
    id: 'reserve.refused-leaves-nothing',
    claim: 'a refused beginSession() leaves no session and none of its reservations',
    async check({ catalog }) {
      const volumeFirst = beginInput({ reservations: [disk(50, 100), ann(101, 100)] })
      await refuses('MEDIA_QUOTA', catalog.beginSession(volumeFirst), 'the second one')
      const ownerFirst = beginInput({ reservations: [ann(50, 100), disk(101, 100)] })
      await refuses('MEDIA_NO_SPACE', catalog.beginSession(ownerFirst), 'the second one')
      assert.equal(await catalog.isSessionLive(volumeFirst.id), false)
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 0)
      await begin(catalog, { reservations: [disk(100, 100), ann(100, 100)] })
    },
  },
  {
    id: 'reserve.stage-refused',
    claim: 'stagePlacement() that begins a session refuses over the limit and leaves nothing',
    async check({ catalog }) {
      const call = stage(catalog, { session: { reservations: [disk(101, 100)] } })
      await refuses('MEDIA_NO_SPACE', call, 'stagePlacement()')
      assert.deepEqual([...(await catalog.listSessions(ALPHA))], [])
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 0)
    },
  },
  {
    id: 'reserve.released',
    claim: 'what a session holds is free again when it ends, runs out or commits',
    async check({ catalog, advance }) {
      const full = { reservations: [disk(100, 100), ann(100, 100)] }
      await catalog.endSession(await begin(catalog, full))
      await begin(catalog, { ...full, ttlMs: 1 })
      await advance(SHORT_TTL_MS)
      await catalog.expireSessions({ limit: 10 })
      const staged = await stage(catalog, { bytes: '', session: full })
      await catalog.commitContent(commitInput(staged))
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 0)
      await begin(catalog, full)
    },
  },
  {
    id: 'reserve.stored-counts',
    claim: 'what is stored counts against the limits of volume and owner, and no longer than it is stored',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: '0123456789' })
      assert.equal((await usageOf(catalog, 'kit-disk')).storedBytes, 10)
      await refuses('MEDIA_NO_SPACE', begin(catalog, { reservations: [disk(91, 100)] }), 'the volume')
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(91, 100)] }), 'the owner')
      await catalog.endSession(await begin(catalog, { reservations: [disk(90, 100), ann(90, 100)] }))
      await catalog.delete(ALPHA, record.id)
      await begin(catalog, { reservations: [ann(100, 100)] })
      await refuses(
        'MEDIA_NO_SPACE',
        begin(catalog, { reservations: [disk(91, 100)] }),
        'bytes not yet collected',
      )
    },
  },
  {
    id: 'reserve.owner-logical',
    claim: 'every owner of the same bytes pays for them, the volume holds them once',
    async check({ catalog }) {
      await put(catalog, { bytes: '0123456789', owner: 'ann' })
      await put(catalog, { bytes: '0123456789', owner: 'ann' })
      await put(catalog, { bytes: '0123456789', owner: 'bob' })
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(81, 100)] }), 'twice for two records')
      await begin(catalog, { reservations: [ann(80, 100), disk(90, 100)] })
      await refuses('MEDIA_NO_SPACE', begin(catalog, { reservations: [disk(1, 100)] }), 'once on the volume')
    },
  },
  {
    id: 'reserve.owner-moves',
    claim: 'the quota follows a record to its new owner',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: '0123456789', owner: 'bob' })
      await catalog.update(ALPHA, record.id, { owner: 'ann' })
      await refuses('MEDIA_QUOTA', begin(catalog, { reservations: [ann(91, 100)] }), 'the new owner')
      await begin(catalog, { reservations: [{ subject: { owner: 'bob' }, bytes: 100, limitBytes: 100 }] })
    },
  },
  {
    id: 'reserve.extend',
    claim: 'extendSession() replaces the reservations given, keeps the others, and refuses over the limit',
    async check({ catalog }) {
      const session = await begin(catalog, { reservations: [disk(40, 100), ann(40, 100)] })
      const to = (reservations: readonly Reservation[]) => ({ ttlMs: LONG_TTL_MS, reservations })
      await catalog.extendSession(session, to([disk(100, 100)]))
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 100, 'replaced, not added')
      await refuses('MEDIA_NO_SPACE', catalog.extendSession(session, to([disk(101, 100)])), 'extendSession()')
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 100, 'after the refusal')
      await refuses(
        'MEDIA_QUOTA',
        begin(catalog, { reservations: [ann(61, 100)] }),
        'the one that was not given',
      )
      await catalog.extendSession(session, to([disk(10, 100)]))
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 10, 'less')
      await catalog.extendSession(session, { ttlMs: LONG_TTL_MS })
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 10, 'none given')
    },
  },
  {
    id: 'reserve.parallel',
    claim: 'many sessions at once never reserve more than the limit, and no less than fits',
    async check({ catalog }) {
      const results = await Promise.allSettled(
        Array.from({ length: 24 }, () => begin(catalog, { reservations: [disk(10, 100), ann(10, 1_000)] })),
      )
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10)
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 100)
      const quota = await Promise.allSettled(
        Array.from({ length: 24 }, () =>
          begin(catalog, {
            owner: 'bob',
            reservations: [{ subject: { owner: 'bob' }, bytes: 10, limitBytes: 55 }],
          }),
        ),
      )
      assert.equal(quota.filter(({ status }) => status === 'fulfilled').length, 5)
    },
  },
  {
    id: 'reserve.parallel-extend',
    claim: 'many sessions that grow at once never pass the limit',
    async check({ catalog }) {
      const sessions = await Promise.all(
        Array.from({ length: 8 }, () => begin(catalog, { reservations: [disk(10, 100)] })),
      )
      await Promise.allSettled(
        sessions.map((session) =>
          catalog.extendSession(session, { ttlMs: LONG_TTL_MS, reservations: [disk(20, 100)] }),
        ),
      )
      assert.equal((await usageOf(catalog, 'kit-disk')).reservedBytes, 100)
    },
  },
]

async function usageOf(catalog: Catalog, volumeId: string): Promise<VolumeUsage> {
  const found = (await catalog.volumeUsage()).find((usage) => usage.volumeId === volumeId)
  assert.ok(found !== undefined, `volumeUsage() does not know ${volumeId}`)
  return found
}
