import type { VolumeIdentity } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** Name of the file, or key of the object, that makes a volume of a folder or a bucket. */
export const VOLUME_MARKER = 'mediakeep-volume.json'
/** A marker is never longer: what is longer is not read to its end. */
export const VOLUME_MARKER_MAX_BYTES = 4096

/** What the marker of a volume holds. */
export function formatVolumeMarker({ id, layout }: VolumeIdentity): string {
  return `${JSON.stringify({ id, layout })}\n`
}

/** `undefined` for what is no marker of a volume. */
export function parseVolumeMarker(text: string): VolumeIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { id, layout } = value as { readonly id?: unknown; readonly layout?: unknown }
    if (typeof id !== 'string' || id === '' || typeof layout !== 'number' || !Number.isSafeInteger(layout))
      return undefined
    return { id, layout }
  } catch {
    return undefined
  }
}

/**
 * @param place the volume as messages name it
 * @throws MediaError MEDIA_UNSUPPORTED `layout-newer`
 */
export function checkVolumeLayout(place: string, layout: number, knownLayout: number): void {
  if (layout <= knownLayout) return
  const message = `${place} has layout ${layout}, this version knows ${knownLayout}; use a newer version`
  throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'layout-newer' })
}
