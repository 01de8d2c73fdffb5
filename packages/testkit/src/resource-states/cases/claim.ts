import assert from 'node:assert/strict'
import { rejectsWith } from '../../object-store/expect.ts'
import type { ResourceStatesCase } from '../context.ts'
import {
  AFTER_SHORT_MS,
  COLD,
  claimed,
  FAILED,
  HELD,
  LONG,
  READY,
  reads,
  refused,
  SHORT,
  settled,
  stateNow,
} from '../expect.ts'

/** Who may load. */
export const claimCases: readonly ResourceStatesCase[] = [
  {
    id: 'claim.first',
    claim:
      'claim() of the unknown gives a lease of that key and length, and everybody reads loading until its end',
    async check({ states, second, nowMs }) {
      const before = await nowMs()
      const lease = await claimed(states, 'kit/a')
      const after = await nowMs()
      assert.equal(lease.key, 'kit/a')
      const endsAtMs = lease.endsAt.getTime()
      assert.ok(endsAtMs >= before + 60_000 - 1 && endsAtMs <= after + 60_000 + 1, `endsAt ${endsAtMs}`)
      for (const handle of [states, await second()]) {
        const read = await stateNow(handle, 'kit/a')
        assert.equal(read?.state, 'loading')
        assert.equal(read.leaseEndsAt.getTime(), endsAtMs)
        assert.ok(read.retryAfterMs > 0 && read.retryAfterMs <= 60_000, `retryAfterMs ${read.retryAfterMs}`)
      }
    },
  },
  {
    id: 'claim.race',
    claim: 'claim() by 32 at once has exactly one holder',
    async check({ states }) {
      const leases = await Promise.all(Array.from({ length: 32 }, () => states.claim('kit/race', LONG)))
      assert.equal(leases.filter((lease) => lease !== undefined).length, 1)
    },
  },
  {
    id: 'claim.race-of-two',
    claim: 'claim() through two handles at once has exactly one holder, key by key',
    async check({ states, second }) {
      const other = await second()
      for (let round = 0; round < 10; round++) {
        const leases = await Promise.all(
          Array.from({ length: 16 }, (_, index) =>
            (index % 2 === 0 ? states : other).claim(`kit/${round}`, LONG),
          ),
        )
        assert.equal(leases.filter((lease) => lease !== undefined).length, 1)
      }
    },
  },
  {
    id: 'claim.taken',
    claim: 'claim() of what is held is refused, and takes nothing from the holder',
    async check({ states, second }) {
      const other = await second()
      const lease = await claimed(states, 'kit/a')
      await refused(other, 'kit/a', 'another holds it')
      await refused(states, 'kit/a', 'this handle holds it')
      await states.settle(lease, READY)
      await reads(other, 'kit/a', 'ready', 'after the holder settled')
    },
  },
  {
    id: 'claim.apart',
    claim: 'leases of two keys do not touch each other',
    async check({ states }) {
      const first = await claimed(states, 'kit/a')
      const second = await claimed(states, 'kit/b')
      await states.settle(second, READY)
      await reads(states, 'kit/a', 'loading', 'after the other was settled')
      await states.settle(first, COLD)
      await reads(states, 'kit/b', 'ready', 'after the other was settled')
    },
  },
  {
    id: 'claim.token-grows',
    claim:
      'each lease of a key has a greater token than all before it, however those ended, in quick succession',
    async check({ states, second }) {
      const other = await second()
      let last = 0
      for (let round = 0; round < 20; round++) {
        const lease = await claimed(round % 2 === 0 ? states : other, 'kit/a')
        assert.ok(
          Number.isSafeInteger(lease.fencingToken),
          `the token ${lease.fencingToken} is no safe integer`,
        )
        assert.ok(lease.fencingToken > last, `the token ${lease.fencingToken} after ${last}`)
        last = lease.fencingToken
        if (round % 4 === 0) await states.release(lease)
        else if (round % 4 === 1) await states.settle(lease, COLD)
        else await states.invalidate(['kit/a'])
      }
    },
  },
  {
    id: 'claim.token-is-time',
    claim: 'a token is at least the time in microseconds, so that it grows also when all was lost',
    async check({ states, nowMs }) {
      const before = await nowMs()
      const lease = await claimed(states, 'kit/a')
      const after = await nowMs()
      assert.ok(
        lease.fencingToken >= Math.floor(before) * 1000,
        `the token ${lease.fencingToken} is behind the time`,
      )
      assert.ok(
        lease.fencingToken <= after * 1000 + 1_000_000,
        `the token ${lease.fencingToken} is far ahead`,
      )
    },
  },
  {
    id: 'claim.lost',
    claim:
      'when the backend has lost everything, reads are undefined, old leases are refused, and tokens still grow',
    needs: ['lose'],
    async check({ states, lose }) {
      await settled(states, 'kit/b', READY)
      const old = await claimed(states, 'kit/a')
      await lose()
      assert.deepEqual(await states.read(['kit/a', 'kit/b']), [undefined, undefined])
      await rejectsWith('MEDIA_LEASE_LOST', states.settle(old, READY), 'settle() of a lost lease')
      const next = await claimed(states, 'kit/a')
      assert.ok(next.fencingToken > old.fencingToken, 'the token went back')
      await rejectsWith('MEDIA_LEASE_LOST', states.settle(old, READY), 'settle() of the lease before')
    },
  },
  {
    id: 'claim.cold',
    claim: 'claim() of what is cold gives the lease',
    async check({ states }) {
      await settled(states, 'kit/a', COLD)
      await claimed(states, 'kit/a')
      await reads(states, 'kit/a', 'loading', 'after the claim')
    },
  },
  {
    id: 'claim.ready',
    claim: 'claim() of what is ready is refused and leaves it ready',
    async check({ states }) {
      await settled(states, 'kit/a', READY)
      await refused(states, 'kit/a', 'it is ready')
      await reads(states, 'kit/a', 'ready', 'after the claim')
    },
  },
  {
    id: 'claim.held',
    claim: 'claim() of what is held back is refused: held outranks all until it is invalidated',
    async check({ states }) {
      await settled(states, 'kit/a', HELD)
      await refused(states, 'kit/a', 'it is held')
      await reads(states, 'kit/a', 'held', 'after the claim')
      await states.invalidate(['kit/a'])
      await claimed(states, 'kit/a')
    },
  },
  {
    id: 'claim.failed',
    claim: 'claim() of what failed is refused until its time is over, then it gives the lease',
    async check({ states, advance }) {
      await settled(states, 'kit/a', FAILED)
      await refused(states, 'kit/a', 'it failed a moment ago')
      await reads(states, 'kit/a', 'failed', 'after the claim')
      await settled(states, 'kit/b', { state: 'failed', retryAfterMs: SHORT.ttlMs, reason: 'x' })
      await advance(AFTER_SHORT_MS)
      await claimed(states, 'kit/b')
    },
  },
  {
    id: 'claim.ended',
    claim: 'when a lease has ended, reads are undefined and another takes over with a greater token',
    async check({ states, second, advance }) {
      const other = await second()
      const dead = await claimed(states, 'kit/a', SHORT)
      await advance(AFTER_SHORT_MS)
      await reads(other, 'kit/a', undefined, 'after the end')
      const next = await claimed(other, 'kit/a')
      assert.ok(next.fencingToken > dead.fencingToken)
    },
  },
  {
    id: 'claim.bad-time',
    claim:
      'claim() for no time, for ever, or with an estimate that is none is MEDIA_BAD_INPUT and claims nothing',
    async check({ states }) {
      for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 25 * 60 * 60_000])
        await rejectsWith('MEDIA_BAD_INPUT', states.claim('kit/a', { ttlMs }), `ttlMs ${ttlMs}`)
      for (const estimateMs of [-1, Number.NaN, Number.POSITIVE_INFINITY])
        await rejectsWith(
          'MEDIA_BAD_INPUT',
          states.claim('kit/a', { ttlMs: 1_000, estimateMs }),
          `${estimateMs}`,
        )
      await reads(states, 'kit/a', undefined, 'after the refusals')
      await claimed(states, 'kit/a')
    },
  },
  {
    id: 'claim.estimate',
    claim: 'the estimate of a claim is what readers are told, also beyond the lease, counted down',
    needs: ['clock'],
    async check({ states, advance }) {
      await states.claim('kit/a', { ttlMs: 30_000, estimateMs: 90_000 })
      await advance(20_000)
      const read = await stateNow(states, 'kit/a')
      assert.equal(read?.state === 'loading' && read.retryAfterMs, 70_000)
    },
  },
]
