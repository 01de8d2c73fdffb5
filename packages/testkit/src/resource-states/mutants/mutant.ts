import { isMediaError, type Lease, type ResourceStates, type StateTable } from '@mediakeep/core'
import type { FakeClock } from '../../clock.ts'

/** States broken in one way, and the cases that must see it. */
export interface StatesMutant {
  readonly id: string
  /** What they do wrong, as a reviewer would say it. */
  readonly fault: string
  /** Ids of cases, each of which fails on these states. */
  readonly convictedBy: readonly string[]
  break(states: ResourceStates, table: StateTable, clock: FakeClock): ResourceStates
}

/** The states with some members replaced. States here are plain objects, so spreading keeps all others. */
export function over(states: ResourceStates, members: Partial<ResourceStates>): ResourceStates {
  return { ...states, ...members }
}

/** The states that know keys under other names than they are given. */
export function withKeys(states: ResourceStates, rename: (key: string) => string): ResourceStates {
  const inner = (lease: Lease): Lease => ({ ...lease, key: rename(lease.key) })
  return over(states, {
    read: (keys) => states.read(keys.map(rename)),
    async claim(key, options) {
      const lease = await states.claim(rename(key), options)
      return lease === undefined ? undefined : { ...lease, key }
    },
    extend: async (lease, options) => ({ ...(await states.extend(inner(lease), options)), key: lease.key }),
    settle: (lease, to) => states.settle(inner(lease), to),
    release: (lease) => states.release(inner(lease)),
    invalidate: (keys) => states.invalidate(keys.map(rename)),
  })
}

/** The call, or what `instead` makes where the lease is over. */
export async function unlessLost<T>(call: Promise<T>, instead: () => Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (isMediaError(error, 'MEDIA_LEASE_LOST')) return instead()
    throw error
  }
}
