import assert from 'node:assert/strict'
import type { Lease, ResourceStates } from '@mediakeep/core'
import { rejectsWith } from '../../object-store/expect.ts'
import type { ResourceStatesCase, ResourceStatesContext } from '../context.ts'
import {
  AFTER_SHORT_MS,
  COLD,
  claimed,
  LONG,
  READY,
  reads,
  refused,
  SHORT,
  settled,
  stateNow,
} from '../expect.ts'

/** A lease that has ended, and the one that took over. */
async function takenOver({ states, second, advance }: ResourceStatesContext): Promise<{
  stale: Lease
  holder: Lease
  other: ResourceStates
}> {
  const other = await second()
  const stale = await claimed(states, 'kit/a', SHORT)
  await advance(AFTER_SHORT_MS)
  return { stale, holder: await claimed(other, 'kit/a'), other }
}

/** What a holder may do, and one that is none any more may not. */
export const leaseCases: readonly ResourceStatesCase[] = [
  {
    id: 'extend.longer',
    claim: 'extend() keeps the lease beyond its first end, under the same token',
    async check({ states, advance }) {
      const lease = await claimed(states, 'kit/a', SHORT)
      const longer = await states.extend(lease, LONG)
      assert.equal(longer.fencingToken, lease.fencingToken)
      assert.ok(longer.endsAt.getTime() > lease.endsAt.getTime() + 50_000, 'endsAt is not the new end')
      await advance(AFTER_SHORT_MS)
      await refused(states, 'kit/a', 'the lease was extended')
      await states.settle(lease, READY) // by the object of before: the token counts
      await reads(states, 'kit/a', 'ready', 'after the settle')
    },
  },
  {
    id: 'extend.never-nearer',
    claim: 'extend() never brings the end nearer',
    async check({ states, advance }) {
      const lease = await claimed(states, 'kit/a')
      const same = await states.extend(lease, SHORT)
      assert.equal(same.endsAt.getTime(), lease.endsAt.getTime())
      await advance(AFTER_SHORT_MS)
      await reads(states, 'kit/a', 'loading', 'after the shorter time')
    },
  },
  {
    id: 'extend.progress',
    claim: 'extend() makes the estimate from the progress and the time it took; one that is given goes first',
    needs: ['clock'],
    async check({ states, advance }) {
      const lease = await claimed(states, 'kit/a')
      const told = async (): Promise<unknown> => {
        const read = await stateNow(states, 'kit/a')
        return read?.state === 'loading' && read.retryAfterMs
      }
      await advance(10_000)
      await states.extend(lease, { ttlMs: 60_000, progressRatio: 0.25 })
      assert.equal(await told(), 30_000)
      await states.extend(lease, { ttlMs: 60_000, progressRatio: 0.5, estimateMs: 7_000 })
      assert.equal(await told(), 7_000)
      await states.extend(lease, { ttlMs: 60_000 })
      assert.equal(await told(), 7_000, 'extend() without news changed the estimate')
    },
  },
  {
    id: 'extend.bad-time',
    claim: 'extend() for no time or with a progress outside 0 to 1 is MEDIA_BAD_INPUT and leaves the lease',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      await rejectsWith('MEDIA_BAD_INPUT', states.extend(lease, { ttlMs: 0 }), 'ttlMs 0')
      for (const progressRatio of [-0.1, 1.1, Number.NaN])
        await rejectsWith(
          'MEDIA_BAD_INPUT',
          states.extend(lease, { ttlMs: 1, progressRatio }),
          `${progressRatio}`,
        )
      await states.settle(lease, READY)
    },
  },
  {
    id: 'extend.ended',
    claim: 'extend() of a lease whose end has passed is MEDIA_LEASE_LOST, also when nobody took over',
    async check({ states, advance }) {
      const lease = await claimed(states, 'kit/a', SHORT)
      await advance(AFTER_SHORT_MS)
      await rejectsWith('MEDIA_LEASE_LOST', states.extend(lease, LONG), 'extend()')
      await reads(states, 'kit/a', undefined, 'after the late extend')
    },
  },
  {
    id: 'extend.stale',
    claim: 'extend() by a stale holder is MEDIA_LEASE_LOST and takes nothing from the one that took over',
    async check(context) {
      const { stale, holder, other } = await takenOver(context)
      await rejectsWith('MEDIA_LEASE_LOST', context.states.extend(stale, LONG), 'extend()')
      await other.settle(holder, READY)
    },
  },
  {
    id: 'settle.ended',
    claim: 'settle() under a lease whose end has passed is MEDIA_LEASE_LOST, also when nobody took over',
    async check({ states, advance }) {
      const lease = await claimed(states, 'kit/a', SHORT)
      await advance(AFTER_SHORT_MS)
      await rejectsWith('MEDIA_LEASE_LOST', states.settle(lease, READY), 'settle()')
      await reads(states, 'kit/a', undefined, 'after the late settle')
    },
  },
  {
    id: 'settle.stale',
    claim: 'settle() by a stale holder is MEDIA_LEASE_LOST and changes nothing',
    async check(context) {
      const { stale, holder, other } = await takenOver(context)
      await rejectsWith('MEDIA_LEASE_LOST', context.states.settle(stale, READY), 'settle()')
      await reads(other, 'kit/a', 'loading', 'after the stale settle')
      await other.settle(holder, COLD)
      await rejectsWith(
        'MEDIA_LEASE_LOST',
        context.states.settle(stale, READY),
        'settle() after the other settled',
      )
      await reads(other, 'kit/a', 'cold', 'after both')
    },
  },
  {
    id: 'settle.twice',
    claim: 'settle() ends the lease: a second one is MEDIA_LEASE_LOST',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      await states.settle(lease, COLD)
      await rejectsWith('MEDIA_LEASE_LOST', states.settle(lease, READY), 'the second settle()')
      await reads(states, 'kit/a', 'cold', 'after it')
    },
  },
  {
    id: 'settle.forged',
    claim: 'settle() with a token that was never given is MEDIA_LEASE_LOST, however great',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      for (const by of [1, -1, 1_000_000]) {
        const forged = { ...lease, fencingToken: lease.fencingToken + by }
        await rejectsWith('MEDIA_LEASE_LOST', states.settle(forged, READY), 'settle()')
      }
      await reads(states, 'kit/a', 'loading', 'after it')
    },
  },
  {
    id: 'release.free',
    claim: 'release() makes the key unknown, and another may claim it at once',
    async check({ states, second }) {
      await states.release(await claimed(states, 'kit/a'))
      await reads(states, 'kit/a', undefined, 'after the release')
      await claimed(await second(), 'kit/a')
    },
  },
  {
    id: 'release.again',
    claim: 'release() may be called again, and after a settle, and changes nothing then',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      await states.release(lease)
      await states.release(lease)
      const next = await claimed(states, 'kit/a')
      await states.settle(next, READY)
      await states.release(next)
      await reads(states, 'kit/a', 'ready', 'after the late release')
    },
  },
  {
    id: 'release.stale',
    claim: 'release() by a stale holder does not free the one that took over',
    async check(context) {
      const { stale, holder, other } = await takenOver(context)
      await context.states.release(stale)
      await refused(other, 'kit/a', 'the second holder has it')
      await other.settle(holder, READY)
    },
  },
  {
    id: 'invalidate.forgets',
    claim: 'invalidate() makes each of its keys unknown in every handle, and no other key',
    async check({ states, second }) {
      const other = await second()
      for (const key of ['kit/a', 'kit/b', 'kit/c']) await settled(states, key, READY)
      await other.invalidate(['kit/a', 'kit/never', 'kit/c', 'kit/a'])
      const answers = await states.read(['kit/a', 'kit/b', 'kit/c'])
      assert.deepEqual(
        answers.map((answer) => answer?.state),
        [undefined, 'ready', undefined],
      )
      await states.invalidate([])
      await reads(states, 'kit/b', 'ready', 'after an invalidation of nothing')
    },
  },
  {
    id: 'invalidate.ends-leases',
    claim: 'invalidate() ends the lease: what its holder found out before is not settled after it',
    async check({ states, second }) {
      const other = await second()
      const lease = await claimed(states, 'kit/a')
      await other.invalidate(['kit/a'])
      await rejectsWith('MEDIA_LEASE_LOST', states.settle(lease, READY), 'settle()')
      await reads(states, 'kit/a', undefined, 'after it')
      const next = await claimed(other, 'kit/a')
      assert.ok(next.fencingToken > lease.fencingToken, 'the token went back')
    },
  },
]
