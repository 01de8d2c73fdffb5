import type { Media } from '../contracts/media.ts'

export interface ReadClaim {
  /** The asker owns it, is an admin, or access is open. */
  readonly isOwner: boolean
  /** What the host's rule says. */
  readonly isPermitted: boolean
}

/**
 * What becomes of a wish to read, for every door alike. `absent`: answer exactly as for a media that does not exist;
 * `refused`: the asker may know that it exists.
 */
export function readVerdict(
  { state, visibility }: Pick<Media, 'state' | 'visibility'>,
  { isOwner, isPermitted }: ReadClaim,
): 'granted' | 'refused' | 'absent' {
  if (state !== 'active' && !isOwner) return 'absent'
  if (isPermitted) return 'granted'
  return visibility === 'public' ? 'refused' : 'absent'
}
