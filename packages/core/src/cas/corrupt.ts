import { MediaError } from '../errors/media-error.ts'

export type CorruptReason = 'short' | 'checksum' | 'digest' | 'bytes-missing'

/** Stored bytes are not what the catalog says. Names the placement, never a path. */
export function corruptBytes(placementId: string, reason: CorruptReason, what: string): MediaError {
  return new MediaError('MEDIA_CORRUPT', `placement ${placementId}: ${what}`, { reason })
}
