import type { PlacementRecord } from '../contracts/catalog.ts'

type Copy = Pick<PlacementRecord, 'state' | 'owned' | 'volumeId'>

/** No namespace begins so. */
const EXTERNAL = '@external/'

/**
 * The domain in which bytes of external objects are shared among themselves. Apart from what was put: a put must not rest on
 * bytes that somebody else may delete, and a copy of an external object may go again when room is needed.
 */
export function externalDomain(domain: string): string {
  return `${EXTERNAL}${domain}`
}

/**
 * Whether a placement keeps bytes for others than whoever put them there: live, ours, and on one of the volumes where they
 * are given. An external object may be changed at any time by whoever owns it.
 */
export function standsIn(
  { state, owned, volumeId }: Copy,
  volumeIds: readonly string[] | undefined,
): boolean {
  return state === 'live' && owned && (volumeIds === undefined || volumeIds.includes(volumeId))
}

/** Whether a placement on one of these volumes is reason enough for another copy of its blob to go. */
function isKeptBy({ state, owned, volumeId }: Copy, domain: string, homes: readonly string[]): boolean {
  return state === 'live' && (owned || domain.startsWith(EXTERNAL)) && homes.includes(volumeId)
}

type PlacedCopy = Copy & { readonly id: string }

/**
 * Whether a live owned copy may leave beside all others of its blob: because at least `keep` other volumes of `homes` keep one, or
 * because its own volume has a second one, which is worth nothing to anybody.
 */
export function mayLeave(
  copy: PlacedCopy,
  all: Iterable<PlacedCopy>,
  domain: string,
  { homes, keep }: { readonly homes: readonly string[]; readonly keep: number },
): boolean {
  const holding = new Set<string>()
  for (const one of all) {
    if (one.id === copy.id) continue
    if (one.volumeId !== copy.volumeId) {
      if (isKeptBy(one, domain, homes)) holding.add(one.volumeId)
    } else if (standsIn(one, undefined)) return true
  }
  return holding.size >= keep
}
