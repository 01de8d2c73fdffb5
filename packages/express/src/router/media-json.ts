import type { Availability, Media, MediaStore } from '@mediakeep/core'

/** A media as clients see it. */
export async function mediaJson(store: MediaStore, media: Media): Promise<object> {
  const availability: Availability =
    media.state === 'active'
      ? await store.availability(media.id)
      : { state: 'held', reason: media.state === 'pending' ? 'pending' : 'quarantined' }
  return {
    id: media.id,
    key: media.key,
    digest: media.digest,
    sizeBytes: media.sizeBytes,
    contentType: media.contentType,
    filename: media.filename,
    owner: media.owner,
    visibility: media.visibility,
    tags: media.tags,
    metadata: media.metadata,
    links: media.links,
    width: media.width,
    height: media.height,
    orientation: media.orientation,
    durationMs: media.durationMs,
    captureTime: media.captureTime,
    camera: media.camera,
    position: media.position,
    state: media.state,
    availability: availability.state,
    tier: 'tier' in availability ? availability.tier : undefined,
    variants: [],
    revision: media.revision,
    createdAt: media.createdAt.toISOString(),
    updatedAt: media.updatedAt.toISOString(),
  }
}
