import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { UploadSessions } from '../contracts/uploads.ts'
import {
  DEFAULT_NAMESPACE,
  MOVE_POLL_MS,
  RECONCILE_INTERVAL_MS,
  UPKEEP_INTERVAL_MS,
  VERIFY_BYTES_PER_SECOND,
  VERIFY_INTERVAL_MS,
} from '../defaults.ts'
import { followArrivals } from '../external/follow-arrivals.ts'
import { followByItself } from '../external/follow-by-itself.ts'
import { createExternal, reconcileByItself } from '../external/index.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import { createMediaJournal } from '../journal/index.ts'
import { createHeat, createTiering, createTiers, homeIdsOf, type TierContext } from '../moves/index.ts'
import { createBackgroundScans } from '../scanning/background.ts'
import { createMoney, type Money } from '../tiering/money.ts'
import { createChooser } from '../tiering/places.ts'
import { createVolumeUse } from '../tiering/usage.ts'
import { type OpenedVolume, openVolume, type Volume } from '../tiering/volume.ts'
import { createVolumes } from '../tiering/volumes.ts'
import { systemClock } from '../time/clock.ts'
import { createUpkeep, startRounds } from '../upkeep/index.ts'
import { checkOptions } from './check-options.ts'
import type { Engine } from './engine.ts'
import { createEngineBase } from './engine-base.ts'
import { createEventHub, type EventHub } from './events.ts'
import type { MediaStoreOptions } from './options.ts'
import { settledBy } from './settled.ts'
import { createUploadContext } from './uploads.ts'
import { createView } from './view.ts'

/**
 * Makes a media store of its parts: checks all options, opens the catalog and the volumes, and starts upkeep in the background. Closing the
 * media store closes its object stores and its catalog; so does a failure to open it.
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
  const { limits = {}, upkeep: rounds = {}, tiering = {}, catalog } = options
  const clock = options.clock ?? systemClock
  const volumes = createVolumes(all)
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
  const base = createEngineBase(options, { volumes, chooser, events, onKept: (body) => tiers.onKept(body) })
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
    const ended = await Promise.allSettled([money.close(), engine.states.close(), engine.scanning.close()])
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

/** Closes stores and catalog; a part that fails to close does not keep the others open. */
async function closeParts({ tiers, catalog }: MediaStoreOptions): Promise<void> {
  const ended = await Promise.allSettled([...tiers.map(({ store }) => store.close()), catalog.close()])
  for (const end of ended) if (end.status === 'rejected') throw end.reason
}
