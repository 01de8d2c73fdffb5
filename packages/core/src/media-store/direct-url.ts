import type { MediaRecord } from '../contracts/catalog.ts'
import type { SignOptions } from '../contracts/media-store.ts'
import { DIRECT_URL_MAX_MS, SIGNED_MAX_AGE_SECONDS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { deliveredAs } from '../http/delivered-as.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { Engine } from './engine.ts'

/**
 * An address of the nearest copy in its own store, where the operator lets that tier's be given out. What is read by it passes
 * nothing of ours: nobody compares its digest, and the ledger is told of one whole read now.
 * @returns `undefined` where the media is read by our own route: it lies nearer, is not to be served, or today's budget is spent
 * @throws MediaError MEDIA_BAD_INPUT `bad-expiry` for an address that is too long-lived or has ended
 */
export async function directUrl(
  engine: Engine,
  { content }: MediaRecord,
  options: SignOptions,
): Promise<URL | undefined> {
  const lifeMs = options.expiresAt.getTime() - engine.clock.now()
  if (!(lifeMs >= 1_000 && lifeMs <= DIRECT_URL_MAX_MS))
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `a direct address lives for a second to ${DIRECT_URL_MAX_MS / 60_000} minutes`,
      { reason: 'bad-expiry' },
    )
  if (options.variant !== undefined || content.state !== 'active') return undefined
  const nearest = await nearestThere(engine, content.placements)
  if (nearest?.volume.directUrls !== true) return undefined
  const { placement, volume } = nearest
  const { presign } = volume.store
  if (presign === undefined) return undefined
  const maxAgeSeconds = Math.min(Math.floor(lifeMs / 1000), SIGNED_MAX_AGE_SECONDS)
  const signed = await engine.tiers.readElsewhere(volume, content.sizeBytes, () =>
    presign.call(volume.store, placement.key, {
      method: 'GET',
      expiresAt: options.expiresAt,
      response: {
        ...deliveredAs(content, options.download === undefined ? {} : { download: options.download }),
        cacheControl: `private, max-age=${maxAgeSeconds}`,
      },
    }),
  )
  return signed?.url
}

/** The copy that a read would take, as far as markers tell. */
async function nearestThere(
  { volumes }: Engine,
  placements: MediaRecord['content']['placements'],
): Promise<ReachablePlacement | undefined> {
  for (const reachable of volumes.reachable(placements)) {
    try {
      await reachable.volume.checkOnline()
      return reachable
    } catch (error) {
      if (!isMediaError(error)) throw error
    }
  }
  return undefined
}
