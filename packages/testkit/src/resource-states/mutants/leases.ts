import type { ClaimOptions, ExtendOptions, Lease, ResourceStates } from '@mediakeep/core'
import { over, type StatesMutant, unlessLost } from './mutant.ts'

const DAY_MS = 24 * 60 * 60_000

async function claimAnyway(states: ResourceStates, lease: Lease): Promise<Lease> {
  await states.invalidate([lease.key])
  const fresh = await states.claim(lease.key, { ttlMs: 60_000 })
  if (fresh === undefined) throw new Error('nobody can hold it now')
  return fresh
}

/** A time that is none becomes one second. */
function mended<Options extends ClaimOptions>(options: Options): Options {
  const { ttlMs } = options
  return { ...options, estimateMs: 1_000, ttlMs: ttlMs > 0 && ttlMs <= DAY_MS ? ttlMs : 1_000 }
}

function clamped(options: ExtendOptions): ExtendOptions {
  const { progressRatio = 0 } = options
  return { ...mended(options), progressRatio: progressRatio >= 0 && progressRatio <= 1 ? progressRatio : 0 }
}

/** Leases that are given to two, never end, or do not count. */
export const leaseMutants: readonly StatesMutant[] = [
  {
    id: 'claims-always',
    fault: 'whoever claims takes it, whatever it is',
    convictedBy: [
      'claim.race',
      'claim.race-of-two',
      'claim.taken',
      'claim.ready',
      'claim.held',
      'claim.failed',
      'extend.longer',
    ],
    break: (states) =>
      over(states, {
        claim(key, options) {
          // Both at once, with nothing between them.
          const forgotten = states.invalidate([key])
          return Promise.all([states.claim(key, options), forgotten]).then(([lease]) => lease)
        },
      }),
  },
  {
    id: 'cold-stays',
    fault: 'what is cold cannot be claimed',
    convictedBy: ['claim.cold', 'claim.token-grows'],
    break: (states) =>
      over(states, {
        claim: async (key, options) =>
          (await states.read([key]))[0]?.state === 'cold' ? undefined : states.claim(key, options),
      }),
  },
  {
    id: 'token-is-one',
    fault: 'every lease has the same token',
    convictedBy: ['claim.token-grows', 'claim.token-is-time', 'invalidate.ends-leases'],
    break(states) {
      const leases = new Map<string, Lease>()
      const real = (lease: Lease): Lease => leases.get(lease.key) ?? lease
      return over(states, {
        async claim(key, options) {
          const lease = await states.claim(key, options)
          if (lease !== undefined) leases.set(key, lease)
          return lease === undefined ? undefined : { ...lease, fencingToken: 1 }
        },
        extend: async (lease, options) => ({
          ...(await states.extend(real(lease), options)),
          fencingToken: 1,
        }),
        settle: (lease, to) => states.settle(real(lease), to),
        release: (lease) => states.release(real(lease)),
      })
    },
  },
  {
    id: 'token-counts-from-one',
    fault: 'tokens are counted, so that they begin again when the count is lost',
    convictedBy: ['claim.token-is-time'],
    break(states) {
      const base = Date.UTC(2026, 0, 1) * 1000 - 1
      const real = (lease: Lease): Lease => ({ ...lease, fencingToken: lease.fencingToken + base })
      const shown = (lease: Lease): Lease => ({ ...lease, fencingToken: lease.fencingToken - base })
      return over(states, {
        async claim(key, options) {
          const lease = await states.claim(key, options)
          return lease === undefined ? undefined : shown(lease)
        },
        extend: async (lease, options) => shown(await states.extend(real(lease), options)),
        settle: (lease, to) => states.settle(real(lease), to),
        release: (lease) => states.release(real(lease)),
      })
    },
  },
  {
    id: 'never-ends',
    fault: 'a lease lives for a day, whatever was asked for',
    convictedBy: [
      'claim.first',
      'claim.ended',
      'extend.ended',
      'settle.ended',
      'extend.stale',
      'release.stale',
    ],
    break: (states) =>
      over(states, {
        claim: (key, options) =>
          states.claim(
            key,
            options.ttlMs > 0 && options.ttlMs < DAY_MS ? { ...options, ttlMs: DAY_MS } : options,
          ),
      }),
  },
  {
    id: 'mends-times',
    fault: 'a time that is none is taken for a second',
    convictedBy: ['claim.bad-time', 'extend.bad-time'],
    break: (states) =>
      over(states, {
        claim: (key, options) => states.claim(key, mended(options)),
        extend: (lease, options) => states.extend(lease, clamped(options)),
      }),
  },
  {
    id: 'no-estimates',
    fault: 'estimates are dropped',
    convictedBy: ['claim.estimate', 'extend.progress'],
    break: (states) =>
      over(states, {
        claim: (key, { ttlMs }) => states.claim(key, { ttlMs }),
        extend: (lease, { ttlMs }) => states.extend(lease, { ttlMs }),
      }),
  },
  {
    id: 'extend-says-yes',
    fault: 'extend() answers without doing anything',
    convictedBy: ['extend.longer', 'extend.ended', 'extend.stale', 'extend.progress', 'close.then-calls'],
    break: (states) =>
      over(states, {
        extend: async (lease, { ttlMs }) => ({ ...lease, endsAt: new Date(lease.endsAt.getTime() + ttlMs) }),
      }),
  },
  {
    id: 'extend-sets-the-end',
    fault: 'a shorter time brings the end nearer',
    convictedBy: ['extend.never-nearer'],
    break: (states, _table, clock) =>
      over(states, {
        extend: async (lease, options) => ({
          ...(await states.extend(lease, options)),
          endsAt: new Date(clock.now() + options.ttlMs),
        }),
      }),
  },
  {
    id: 'extend-revives',
    fault: 'a lease that ended is taken again when nobody holds it',
    convictedBy: ['extend.ended'],
    break: (states) =>
      over(states, {
        extend: (lease, options) =>
          unlessLost(states.extend(lease, options), async () => {
            const fresh = await states.claim(lease.key, options)
            if (fresh === undefined) throw new Error('somebody holds it')
            return fresh
          }),
      }),
  },
  {
    id: 'settles-late',
    fault: 'a lease that ended may settle when nobody holds the key',
    convictedBy: ['settle.ended', 'claim.lost', 'invalidate.ends-leases'],
    break: (states) =>
      over(states, {
        settle: (lease, to) =>
          unlessLost(states.settle(lease, to), async () => {
            const fresh = await states.claim(lease.key, { ttlMs: 1_000 })
            if (fresh === undefined) throw new Error('somebody holds it')
            await states.settle(fresh, to)
          }),
      }),
  },
  {
    id: 'ignores-tokens',
    fault: 'whoever settles is taken for the holder',
    convictedBy: ['settle.stale', 'settle.twice', 'settle.forged', 'settle.ended', 'claim.lost'],
    break: (states) =>
      over(states, {
        settle: (lease, to) =>
          unlessLost(states.settle(lease, to), async () =>
            states.settle(await claimAnyway(states, lease), to),
          ),
      }),
  },
  {
    id: 'release-waits',
    fault: 'a lease that was given back lives on to its end',
    convictedBy: ['release.free', 'release.again', 'claim.token-grows', 'subscribe.changes'],
    break: (states) => over(states, { release: async () => {} }),
  },
  {
    id: 'release-forgets',
    fault: 'release() forgets the key, whoever holds it',
    convictedBy: ['release.again', 'release.stale'],
    break: (states) => over(states, { release: ({ key }) => states.invalidate([key]) }),
  },
  {
    id: 'invalidate-spares-leases',
    fault: 'an invalidation leaves what is loading',
    convictedBy: ['invalidate.ends-leases', 'claim.token-grows'],
    break: (states) =>
      over(states, {
        async invalidate(keys) {
          const read = await states.read(keys)
          await states.invalidate(keys.filter((_, index) => read[index]?.state !== 'loading'))
        },
      }),
  },
]
