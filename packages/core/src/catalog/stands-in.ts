import type { PlacementRecord } from '../contracts/catalog.ts'

/**
 * Whether a placement keeps bytes for others than whoever put them there: live, ours, and on one of the volumes where they
 * are given. An external object may be changed at any time by whoever owns it.
 */
export function standsIn(
  { state, owned, volumeId }: Pick<PlacementRecord, 'state' | 'owned' | 'volumeId'>,
  volumeIds: readonly string[] | undefined,
): boolean {
  return state === 'live' && owned && (volumeIds === undefined || volumeIds.includes(volumeId))
}
