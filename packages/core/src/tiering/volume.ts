import { createHash } from 'node:crypto'
import type { Catalog, VolumeRecord } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore, VolumeIdentity } from '../contracts/object-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { ImportOptions, PriceTable } from '../contracts/tiering.ts'
import { readOnly } from '../decorators/read-only.ts'
import {
  DIRECT_URL_MAX_MS,
  HIGH_WATERMARK_RATIO,
  LOW_WATERMARK_RATIO,
  OFFLINE_CHECK_MS,
  PAID_VOLUME_CHECK_MS,
  VOLUME_CHECK_MS,
} from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { EvictionSetting } from '../eviction/index.ts'
import type { Watermarks } from './burst.ts'
import type { GuardedStore } from './money.ts'
import type { TierOptions, TierRole } from './tier.ts'

/** One store as the place of bytes, known to the catalog by an id that lives with the bytes. */
export interface Volume {
  readonly id: string
  readonly tier: string
  readonly role: TierRole
  readonly store: ObjectStore
  readonly capacityBytes: number | undefined
  /** Absent without a capacity. */
  readonly marks: Watermarks | undefined
  readonly prices: PriceTable | undefined
  /** Media with a copy here are `ready`. */
  readonly serves: boolean
  /** Addresses that its store signs may be given out. */
  readonly directUrls: boolean
  /** Of an external tier: how its objects become media. */
  readonly imports: ImportOptions | undefined
  readonly eviction: EvictionSetting
  /** As it was when it was last looked at. */
  readonly isOnline: boolean
  /**
   * Looks at the volume's own marker, at most once a second (once a minute where a look costs money). An offline volume is never
   * written, repaired or collected, and what it holds is never called missing.
   * @throws MediaError MEDIA_UNAVAILABLE `volume-offline`; what was found is thrown again for a while before the next look
   */
  checkOnline(): Promise<void>
  /** Forgets the last look: the next check reads the marker. */
  doubt(): void
}

/** How long bytes stay that may go, of so long a grace: an address that was given out is good for as long as it says. */
export function graceOn({ directUrls }: Pick<Volume, 'directUrls'>, graceMs: number): number {
  return directUrls ? Math.max(graceMs, DIRECT_URL_MAX_MS) : graceMs
}

interface OpenVolumeContext {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly emit: (event: MediaEvent) => void
  /** Of this host, where several share the catalog. */
  readonly hostId: string | undefined
  /** Every tier is paid: then all of them serve. */
  readonly onlyPaid: boolean
  /** Puts in front of a store what all its calls must pass. */
  guard(tier: TierOptions): GuardedStore
}

/** A volume, and why it cannot be used now where that is so. */
export interface OpenedVolume {
  readonly volume: Volume
  readonly away?: MediaError
}

/**
 * Opens a tier's store and makes its volume known to the catalog. A volume that the catalog knows and that is not there now is
 * `away`: it is offline, and comes online when its marker is back.
 * @throws MediaError MEDIA_UNAVAILABLE `volume-foreign` when the tier was on several other volumes of this host before: an unmounted
 * disk shows an empty folder, and a new marker in it must not be taken for the old volume.
 */
export async function openVolume(
  tier: TierOptions,
  known: readonly VolumeRecord[],
  context: OpenVolumeContext,
): Promise<OpenedVolume> {
  const guarded = context.guard(tier)
  const before = known.filter((volume) => volume.tier === tier.name && isOfHost(volume, tier, context))
  try {
    const identity = await identityOf(tier, before, context)
    await context.catalog.registerVolume({
      id: identity.id,
      tier: tier.name,
      layout: identity.layout,
      ...(context.hostId === undefined || tier.store.traits.shared ? {} : { hostId: context.hostId }),
    })
    return { volume: createVolume(tier, guarded, identity, context, true) }
  } catch (error) {
    const [only] = before
    if (only === undefined || before.length > 1 || !isAway(error, tier.store)) throw error
    tellOffline(context, only.id, error)
    return { volume: createVolume(tier, guarded, only, context, false), away: error }
  }
}

/** Volumes of other hosts say nothing about this one's disk. A store that hosts share has no host. */
function isOfHost({ hostId }: VolumeRecord, { store }: TierOptions, context: OpenVolumeContext): boolean {
  return store.traits.shared ? hostId === undefined : hostId === context.hostId
}

async function identityOf(
  { name, store }: TierOptions,
  before: readonly VolumeRecord[],
  { hostId }: OpenVolumeContext,
): Promise<VolumeIdentity> {
  // To open makes a volume where there is none: in the empty folder under a disk that is not mounted, a second one of this tier.
  if (before.length > 0) await store.identity?.()
  await store.open?.()
  // What does not say which it is, is the one of this tier: a new name at each start would lose all that was put before.
  const known = before.length === 1 ? before[0] : undefined
  const identity =
    (await store.identity?.()) ?? known ?? namedAfter(name, store.traits.shared ? undefined : hostId)
  const survives = store.traits.durability !== 'none' || store.identity === undefined
  if (survives && before.length > 0 && !before.some(({ id }) => id === identity.id)) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `tier ${name}: ${store.name} carries volume ${identity.id}, the catalog knows ${before.map(({ id }) => id).join(', ')}; mount the right disk, or give the new one a tier of its own`,
      { reason: 'volume-foreign', retryable: false },
    )
  }
  return identity
}

/** The same in every process: hosts that meet a store for the first time at once must not give it two names. */
function namedAfter(tier: string, hostId: string | undefined): VolumeIdentity {
  const hex = createHash('sha256')
    .update(JSON.stringify([tier, hostId ?? null]))
    .digest('hex')
  return { id: `tier-${hex.slice(0, 32)}`, layout: 1 }
}

/**
 * Whether a failure says that a volume is not there, which says nothing about its bytes. Behind a network nearly every failure
 * is one of the way there; of a disk that fails to read one object, the object may be damaged.
 */
export function isAway(error: unknown, store?: Pick<ObjectStore, 'traits'>): error is MediaError {
  if (store?.traits.shared === true && isMediaError(error, 'MEDIA_TIMEOUT')) return true
  return (
    isMediaError(error, 'MEDIA_UNAVAILABLE') &&
    (store?.traits.shared === true || error.reason === 'volume-offline' || error.reason === 'volume-foreign')
  )
}

function tellOffline(
  { clock, emit }: Pick<OpenVolumeContext, 'clock' | 'emit'>,
  volumeId: string,
  error: unknown,
): void {
  emit({
    type: 'volume.offline',
    at: new Date(clock.now()),
    volumeId,
    reason: isMediaError(error) ? (error.reason ?? error.code) : 'failed',
  })
}

function createVolume(
  tier: TierOptions,
  guarded: GuardedStore,
  identity: Pick<VolumeIdentity, 'id'>,
  context: OpenVolumeContext,
  isThere: boolean,
): Volume {
  const { clock, emit } = context
  const store = tier.role === 'external' ? readOnly(guarded.store) : guarded.store
  guarded.named(identity.id)
  const checkMs = store.traits.paid ? PAID_VOLUME_CHECK_MS : VOLUME_CHECK_MS
  let lookedAtMs = clock.now()
  let online = isThere
  let failure: unknown
  let looking: Promise<void> | undefined
  /** What a look saw that began before a doubt says nothing about it. */
  let doubts = 0

  const look = async (): Promise<void> => {
    const startedMs = clock.now()
    const before = doubts
    try {
      const found = await store.identity?.()
      if (found !== undefined && found.id !== identity.id) {
        throw new MediaError(
          'MEDIA_UNAVAILABLE',
          `${store.name}: the marker names volume ${found.id}, not ${identity.id}`,
          { reason: 'volume-offline' },
        )
      }
      if (!online) await store.open?.() // one that was away from the start was never opened
    } catch (error) {
      if (online) tellOffline(context, identity.id, error)
      online = false
      failure = error
      lookedAtMs = clock.now()
      throw error
    }
    if (!online) emit({ type: 'volume.online', at: new Date(clock.now()), volumeId: identity.id })
    online = true
    failure = undefined
    if (before === doubts) lookedAtMs = startedMs
  }

  return {
    id: identity.id,
    tier: tier.name,
    role: tier.role ?? 'home',
    store,
    capacityBytes: tier.capacityBytes,
    marks: watermarksOf(tier),
    prices: tier.prices,
    eviction: tier.eviction ?? 'balanced',
    serves: tier.serves ?? (context.onlyPaid || !tier.store.traits.paid),
    directUrls: tier.directUrls ?? false,
    imports: tier.imports,
    get isOnline() {
      return online
    },
    async checkOnline() {
      if (store.identity === undefined) return
      // A clock that was set back makes a look no fresher.
      const agoMs = Math.abs(clock.now() - lookedAtMs)
      if (online && agoMs < checkMs) return
      // A store behind a network may need seconds to say that it is away: not everybody waits for that.
      if (failure !== undefined && store.traits.shared && agoMs < OFFLINE_CHECK_MS) throw failure
      if (looking === undefined) {
        const now: Promise<void> = look().finally(() => {
          if (looking === now) looking = undefined
        })
        looking = now
      }
      await looking
    },
    doubt() {
      doubts += 1
      looking = undefined
      lookedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}

function watermarksOf(tier: TierOptions): Watermarks | undefined {
  const {
    capacityBytes,
    highWatermarkRatio = HIGH_WATERMARK_RATIO,
    lowWatermarkRatio = LOW_WATERMARK_RATIO,
  } = tier
  if (capacityBytes === undefined) return undefined
  return {
    capacityBytes,
    highBytes: Math.floor(capacityBytes * highWatermarkRatio),
    lowBytes: Math.floor(capacityBytes * lowWatermarkRatio),
  }
}
