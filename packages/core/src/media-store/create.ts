import { createBlockPool } from '../cas/block-pool.ts'
import { createReadCache } from '../cas/read-cache.ts'
import { createVerifyMemo } from '../cas/verify-memo.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { UploadSessions } from '../contracts/uploads.ts'
import {
  DEFAULT_NAMESPACE,
  GARBAGE_GRACE_MS,
  GC_BRAKE_RATIO,
  MAX_BODY_BYTES,
  MAX_UPLOADS_IN_FLIGHT,
  MEMORY_BODIES_BYTES,
  MEMORY_BODY_BYTES,
  MOVE_POLL_MS,
  READ_CACHE_BYTES,
  READ_CACHE_OBJECT_BYTES,
  RECONCILE_INTERVAL_MS,
  SESSION_TTL_MS,
  SUMS_CACHE_BYTES,
  UPKEEP_INTERVAL_MS,
  VERIFIED_FOR_MS,
  VERIFY_BYTES_PER_SECOND,
  VERIFY_INTERVAL_MS,
} from '../defaults.ts'
import { followArrivals } from '../external/follow-arrivals.ts'
import { followByItself } from '../external/follow-by-itself.ts'
import { createExternal, reconcileByItself } from '../external/index.ts'
import { createHeldBytes } from '../ingest/held-bytes.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import { createInspector } from '../inspect/index.ts'
import { createMediaJournal } from '../journal/index.ts'
import { createKeyRing, createSigningKey } from '../keys/key-ring.ts'
import { createHeat, createTiering, createTiers, homeIdsOf, type TierContext } from '../moves/index.ts'
import { createBackgroundScans } from '../scanning/background.ts'
import { createScanning } from '../scanning/scanning.ts'
import { advisoryStates } from '../state/advice.ts'
import { memoryStates } from '../state/index.ts'
import { createMoney, type Money } from '../tiering/money.ts'
import { createChooser } from '../tiering/places.ts'
import { createVolumeUse } from '../tiering/usage.ts'
import { type OpenedVolume, openVolume, type Volume } from '../tiering/volume.ts'
import { createVolumes } from '../tiering/volumes.ts'
import { systemClock } from '../time/clock.ts'
import { createKeyedLock } from '../time/keyed-lock.ts'
import { createUpkeep, startRounds } from '../upkeep/index.ts'
import { DEFAULT_POLICIES } from '../validation/policies.ts'
import { createActivity } from './activity.ts'
import { checkOptions } from './check-options.ts'
import type { Engine } from './engine.ts'
import { createEventHub, type EventHub } from './events.ts'
import type { MediaStoreOptions } from './options.ts'
import { settledBy } from './settled.ts'
import { createUploadContext } from './uploads.ts'
import { createView } from './view.ts'
import { announce } from './watch.ts'

/**
 * Composes a store: checks the whole composition, opens catalog and volumes, starts upkeep.
 * The store owns what it was given: closing it closes stores and catalog. When opening fails, all that was opened is closed.
 * @throws MediaError MEDIA_BAD_INPUT `bad-composition` naming every fault; MEDIA_UNAVAILABLE `not-writable`,
 * `volume-offline` or `volume-foreign`; MEDIA_UNSUPPORTED `layout-newer`.
 */
export async function createMediaStore(options: MediaStoreOptions): Promise<MediaStore> {
  checkOptions(options)
  const clock = options.clock ?? systemClock
  const events = createEventHub(options.observer)
  const money = createMoney({
    catalog: options.catalog,
    clock,
    budget: options.tiering?.budget,
    onFailure: (error) =>
      tellUpkeepFailed({ clock, emit: (event) => events.emit(event) }, 'ledger', toFailure(error)),
  })
  try {
    await options.catalog.open()
    const volumes = await openVolumes(options, clock, events, money)
    return assemble(options, volumes, events, money)
  } catch (error) {
    await money.close().catch(() => {})
    await options.resourceStates?.close().catch(() => {})
    await options.scanner?.close().catch(() => {})
    await closeParts(options)
    throw error
  }
}

async function openVolumes(
  { tiers, catalog, hostId }: MediaStoreOptions,
  clock: Engine['clock'],
  events: EventHub,
  money: Money,
): Promise<readonly Volume[]> {
  const known = await catalog.listVolumes()
  const context = {
    catalog,
    clock,
    hostId,
    onlyPaid: tiers.every(({ store }) => store.traits.paid),
    guard: money.guard,
    emit: (event: MediaEvent) => events.emit(event),
  }
  const opened: OpenedVolume[] = []
  for (const tier of tiers) opened.push(await openVolume(tier, known, context))
  // With one home volume here the store works; without any it could keep nothing, and says why.
  const homes = opened.filter(({ volume }) => volume.role === 'home')
  const away = homes.every((home) => home.away !== undefined) ? homes[0]?.away : undefined
  if (away !== undefined) throw away
  return opened.map(({ volume }) => volume)
}

function assemble(
  options: MediaStoreOptions,
  all: readonly Volume[],
  events: EventHub,
  money: Money,
): MediaStore {
  const { limits = {}, reads = {}, upkeep: rounds = {}, tiering = {}, catalog } = options
  const clock = options.clock ?? systemClock
  const volumes = createVolumes(all)
  const sums = createReadCache(SUMS_CACHE_BYTES)
  const cacheBytes = reads.cacheBytes ?? READ_CACHE_BYTES
  const use = createVolumeUse(catalog, clock)
  const chooser = createChooser({
    volumes: all,
    clock,
    use,
    budget: money.budget,
    rules: tiering.rules ?? [],
    burst: tiering.burst ?? {},
    stopBursts: tiering.budget?.stopBursts ?? true,
  })
  const shared = options.resourceStates
  const local = memoryStates({ clock })
  const states = shared === undefined ? local : advisoryStates(shared, local)
  const base: Omit<Engine, 'journal' | 'tiers' | 'external' | 'scans' | 'uploads'> = {
    states,
    ...(shared === undefined ? {} : { sharedStates: shared }),
    catalog,
    volumes,
    chooser,
    onKept: (body) => tiers.onKept(body),
    clock,
    policies: options.policies ?? DEFAULT_POLICIES,
    maxBodyBytes: limits.maxBodyBytes ?? MAX_BODY_BYTES,
    memoryBodyBytes: limits.memoryBodyBytes ?? MEMORY_BODY_BYTES,
    held: createHeldBytes(MEMORY_BODIES_BYTES),
    sessionTtlMs: options.sessionTtlMs ?? SESSION_TTL_MS,
    minCopies: options.minCopies ?? 1,
    quotaOf: quotaOf(limits.ownerBytes),
    inspector: createInspector(),
    scanning: createScanning({
      scanner: options.scanner,
      catalog,
      clock,
      options: options.scanning ?? {},
      emit: (event) => events.emit(event),
    }),
    domainOf: options.dedupe === 'namespace' ? (namespace) => namespace : () => '',
    emit(event) {
      announce(states, event)
      events.emit(event)
    },
    keys: options.keys ?? createKeyRing([createSigningKey()]),
    activity: createActivity(),
    events,
    digestLock: createKeyedLock(),
    cache: createReadCache(cacheBytes),
    cacheObjectBytes: cacheBytes === 0 ? 0 : READ_CACHE_OBJECT_BYTES,
    memo: createVerifyMemo({ forMs: reads.verifiedForMs ?? VERIFIED_FOR_MS, now: () => clock.now() }),
    pool: createBlockPool(),
    maxUploadsInFlight: limits.maxUploadsInFlight ?? MAX_UPLOADS_IN_FLIGHT,
    garbageGraceMs: rounds.garbageGraceMs ?? GARBAGE_GRACE_MS,
    maxGarbageRatio: rounds.maxGarbageRatio ?? GC_BRAKE_RATIO,
    publicBaseUrl: options.publicBaseUrl === undefined ? undefined : asFolder(new URL(options.publicBaseUrl)),
    async chunkSums(blobId) {
      const known = sums.get(blobId)
      if (known !== undefined) return known
      const found = await catalog.chunkSums(blobId)
      if (found !== undefined) sums.put(blobId, Buffer.from(found.buffer, found.byteOffset, found.byteLength))
      return found
    },
  }
  const journal = createMediaJournal(base)
  const scans = createBackgroundScans(
    {
      catalog,
      volumes,
      clock,
      scanning: base.scanning,
      settled: settledBy({ ...base, journal }),
      failed: (task, error) => tellUpkeepFailed(base, task, toFailure(error)),
    },
    options.scanning?.maxConcurrent,
  )
  const upkeepContext = { ...base, journal, scans }
  const tierContext: TierContext = {
    ...upkeepContext,
    options: tiering,
    use,
    heat: createHeat(catalog, all),
    ledger: money.ledger,
    budget: money.budget,
    homeIds: homeIdsOf(catalog, options.tiers),
  }
  const tiers = createTiers(tierContext, Math.min(MOVE_POLL_MS, rounds.intervalMs ?? UPKEEP_INTERVAL_MS))
  const external = createExternal(upkeepContext)
  const uploads = createUploadContext(upkeepContext, base.digestLock, limits, money)
  const engine: Engine = { ...upkeepContext, tiers, external, uploads }
  const upkeep = createUpkeep(engine)
  const stopRounds = startRounds(engine, upkeep, {
    intervalMs: rounds.intervalMs ?? UPKEEP_INTERVAL_MS,
    verifyEveryMs: rounds.verifyEveryMs ?? VERIFY_INTERVAL_MS,
    verifyBytesPerSecond: rounds.verifyBytesPerSecond ?? VERIFY_BYTES_PER_SECOND,
    reconcileEveryMs: tiering.reconcileEveryMs ?? RECONCILE_INTERVAL_MS,
    reconcile: (signal) => reconcileByItself(engine, external, signal),
  })
  const isByHand = rounds.intervalMs === 0
  let stopFollowing = async (): Promise<void> => {}
  let closed: Promise<void> | undefined
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all([engine.activity.close(graceMs, clock), stopRounds(), stopFollowing()])
    await Promise.all([tiers.close(), external.close(), scans.close(), engine.inspector.close()])
    events.close()
    const ended = await Promise.allSettled([money.close(), states.close(), engine.scanning.close()])
    await closeParts(options)
    for (const end of ended) if (end.status === 'rejected') throw end.reason
  }
  const store = createView(
    engine,
    {
      upkeep,
      tiering: createTiering(tierContext),
      close(graceMs) {
        closed ??= close(graceMs)
        return closed
      },
    },
    DEFAULT_NAMESPACE,
  )
  const uploadsOf = (namespace: string): UploadSessions => store.in(namespace).uploads
  if (!isByHand)
    stopFollowing = followByItself(
      engine,
      external,
      (hints, signal) => followArrivals(engine, hints, uploadsOf, signal),
      options.tiers,
    )
  return store
}

/** Copies are nobody's: they have no owner. */
function quotaOf(
  limit: NonNullable<MediaStoreOptions['limits']>['ownerBytes'],
): (namespace: string, owner: string) => number | undefined {
  if (limit === undefined) return () => undefined
  return (namespace, owner) => {
    if (owner === '') return undefined
    return typeof limit === 'number' ? limit : limit(owner, namespace)
  }
}

/** Closes stores and catalog; a part that fails to close does not keep the others open. */
async function closeParts({ tiers, catalog }: MediaStoreOptions): Promise<void> {
  const ended = await Promise.allSettled([...tiers.map(({ store }) => store.close()), catalog.close()])
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}

/** So that paths are added to the mount instead of taking the place of its last segment. */
function asFolder(url: URL): URL {
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
