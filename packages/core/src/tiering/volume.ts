import { newId } from '../bytes/id.ts'
import type { Catalog, VolumeRecord } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore, VolumeIdentity } from '../contracts/object-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import { VOLUME_CHECK_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { TierOptions } from './tier.ts'

/** One store as the place of bytes, known to the catalog by an id that lives with the bytes. */
export interface Volume {
  readonly id: string
  readonly tier: string
  readonly role: 'home' | 'cache'
  readonly store: ObjectStore
  readonly capacityBytes: number | undefined
  /**
   * Looks at the volume's own marker, at most once a second. An offline volume is never written, repaired or collected,
   * and what it holds is never called missing.
   * @throws MediaError MEDIA_UNAVAILABLE `volume-offline`
   */
  checkOnline(): Promise<void>
  /** Forgets the last look: the next check reads the marker. */
  doubt(): void
}

interface OpenVolumeContext {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly emit: (event: MediaEvent) => void
}

/** A volume, and why it cannot be used now where that is so. */
export interface OpenedVolume {
  readonly volume: Volume
  readonly away?: MediaError
}

/**
 * Opens a tier's store and makes its volume known to the catalog. A volume that the catalog knows and that is not there now is
 * `away`: it is offline, and comes online when its marker is back.
 * @throws MediaError MEDIA_UNAVAILABLE `volume-foreign` when the tier was on several other volumes before: an unmounted disk
 * shows an empty folder, and a new marker in it must not be taken for the old volume.
 */
export async function openVolume(
  tier: TierOptions,
  known: readonly VolumeRecord[],
  context: OpenVolumeContext,
): Promise<OpenedVolume> {
  const before = known.filter((volume) => volume.tier === tier.name)
  try {
    const identity = await identityOf(tier, before, context)
    await context.catalog.registerVolume({ id: identity.id, tier: tier.name, layout: identity.layout })
    return { volume: createVolume(tier, identity, context, true) }
  } catch (error) {
    const [only] = before
    if (only === undefined || before.length > 1 || !isAway(error)) throw error
    tellOffline(context, only.id, error)
    return { volume: createVolume(tier, only, context, false), away: error }
  }
}

async function identityOf(
  { name, store }: TierOptions,
  before: readonly VolumeRecord[],
  { clock }: OpenVolumeContext,
): Promise<VolumeIdentity> {
  await store.open?.()
  const identity = (await store.identity?.()) ?? { id: newId(clock.now()), layout: 1 }
  const survives = store.traits.durability !== 'none' && store.identity !== undefined
  if (survives && before.length > 0 && !before.some(({ id }) => id === identity.id)) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `tier ${name}: ${store.name} carries volume ${identity.id}, the catalog knows ${before.map(({ id }) => id).join(', ')}; mount the right disk, or give the new one a tier of its own`,
      { reason: 'volume-foreign', retryable: false },
    )
  }
  return identity
}

/** Whether a failure says that a volume is not there, which says nothing about its bytes. */
export function isAway(error: unknown): error is MediaError {
  return (
    isMediaError(error, 'MEDIA_UNAVAILABLE') &&
    (error.reason === 'volume-offline' || error.reason === 'volume-foreign')
  )
}

function tellOffline({ clock, emit }: OpenVolumeContext, volumeId: string, error: unknown): void {
  emit({
    type: 'volume.offline',
    at: new Date(clock.now()),
    volumeId,
    reason: isMediaError(error) ? (error.reason ?? error.code) : 'failed',
  })
}

function createVolume(
  tier: TierOptions,
  identity: Pick<VolumeIdentity, 'id'>,
  context: OpenVolumeContext,
  isThere: boolean,
): Volume {
  const { clock, emit } = context
  const { store } = tier
  let lookedAtMs = clock.now()
  let online = isThere

  const look = async (): Promise<void> => {
    try {
      if (!online) await store.open?.() // one that was away from the start was never opened
      const found = await store.identity?.()
      if (found !== undefined && found.id !== identity.id) {
        throw new MediaError(
          'MEDIA_UNAVAILABLE',
          `${store.name}: the marker names volume ${found.id}, not ${identity.id}`,
          { reason: 'volume-offline' },
        )
      }
    } catch (error) {
      if (online) tellOffline(context, identity.id, error)
      online = false
      throw error
    }
    if (!online) emit({ type: 'volume.online', at: new Date(clock.now()), volumeId: identity.id })
    online = true
    lookedAtMs = clock.now()
  }

  return {
    id: identity.id,
    tier: tier.name,
    role: tier.role ?? 'home',
    store,
    capacityBytes: tier.capacityBytes,
    async checkOnline() {
      if (store.identity === undefined) return
      // A clock that was set back makes a look no fresher.
      if (online && Math.abs(clock.now() - lookedAtMs) < VOLUME_CHECK_MS) return
      await look()
    },
    doubt() {
      lookedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}
