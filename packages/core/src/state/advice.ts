import type { Lease, ResourceStates } from '../contracts/resource-states.ts'
import { isMediaError } from '../errors/media-error.ts'

/**
 * Shared states that may be away, as advice: while they cannot be reached, those of this process take their place, so that a blob is
 * still loaded once here and a load that failed is not begun again at once. What is true is in the catalog, which also says who of several
 * hosts makes a copy that the others wait for. What is invalidated meanwhile the shared states believe until its end.
 */
export function advisoryStates(shared: ResourceStates, local: ResourceStates): ResourceStates {
  /** Leases that only this process knows of. */
  const unshared = new WeakSet<Lease>()
  const noted = (lease: Lease): Lease => {
    unshared.add(lease)
    return lease
  }
  return {
    read: (keys, options) => unlessAway(shared.read(keys, options), () => local.read(keys)),
    claim: (key, options) =>
      unlessAway(shared.claim(key, options), async () => {
        const lease = await local.claim(key, options)
        return lease === undefined ? undefined : noted(lease)
      }),
    extend: async (lease, options) =>
      unshared.has(lease) ? noted(await local.extend(lease, options)) : shared.extend(lease, options),
    settle: (lease, to) => (unshared.has(lease) ? local : shared).settle(lease, to),
    release: (lease) => (unshared.has(lease) ? local : shared).release(lease),
    async invalidate(keys) {
      await local.invalidate(keys)
      await unlessAway(shared.invalidate(keys), async () => {})
    },
    subscribe: (listener, options) => shared.subscribe(listener, options),
    async close() {
      await local.close()
      await shared.close()
    },
  }
}

async function unlessAway<T>(answer: Promise<T>, instead: () => Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (isMediaError(error, 'MEDIA_UNAVAILABLE')) return instead()
    throw error
  }
}
