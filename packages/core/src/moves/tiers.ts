import { setMaxListeners } from 'node:events'
import { newId } from '../bytes/id.ts'
import type { MediaRecord, VolumeRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import { PROMOTE_MAX_BYTES, PROMOTE_MEMORY, PROMOTE_READS, PROMOTE_WINDOW_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { KeptBody } from '../ingest/context.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import { NO_BUDGET } from '../tiering/budget.ts'
import { readDollars } from '../tiering/prices.ts'
import type { Volume } from '../tiering/volume.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import { createAgeWalk } from './aged.ts'
import { misplaced, moveOf } from './by-rules.ts'
import type { TierContext } from './context.ts'
import { createDemand } from './demand.ts'
import { createLoads, type Load } from './loads.ts'
import { makeMoves, noMoves } from './mover.ts'
import { createReady } from './ready.ts'
import { relieve } from './relief.ts'

/** What reading asks of the tiers. */
export interface ColdReads {
  /** Tells of a read that a volume serves. Cheap. */
  served(volume: Volume, blobId: string, readBytes: number): void
  /**
   * Signs an address by which a volume is read past us, and books one whole read of it: what really happens is not seen.
   * `undefined` when the day's budget is spent.
   */
  readElsewhere<T>(volume: Volume, sizeBytes: number, sign: () => Promise<T>): Promise<T | undefined>
  /** A name that the catalog does not know was asked for: no store was. */
  absent(): void
  /** Whether anybody wants to know of reads. */
  readonly isCounting: boolean
  /** A read of bytes that no serving volume has: the load it may follow, which may begin with it. */
  loadFor(
    record: MediaRecord,
    from: ReachablePlacement,
    cold: 'stream' | 'wait' | 'refuse',
  ): Promise<Load | undefined>
}

/** What keeps tiers in order in the background, and what reads and writes tell it. */
export interface Tiers extends ColdReads {
  onKept(body: KeptBody): void
  /** What a media is that this copy serves. */
  readyAvailability(record: MediaRecord, from: ReachablePlacement): Availability
  /**
   * What a media that is in no serving tier is: loading, failed a moment ago, or cold.
   * @param statesUntilMs when shared states are waited for no longer
   */
  coldAvailability(
    record: MediaRecord,
    reachable: readonly ReachablePlacement[],
    statesUntilMs?: number,
  ): Promise<Availability>
  /** Asks for a load. */
  warm(record: MediaRecord): Promise<void>
  /** Waits for what is under way and ends it. */
  close(): Promise<void>
}

const OTHER_HOST_MS = 60_000

/**
 * @param pollMs how often planned moves are looked for; 0: only when `apply` is called
 */
export function createTiers(context: TierContext, pollMs: number): Tiers {
  const { clock, options, volumes } = context
  const {
    reads = PROMOTE_READS,
    windowMs = PROMOTE_WINDOW_MS,
    maxBytes = PROMOTE_MAX_BYTES,
  } = options.promotion ?? {}
  const demand = createDemand({ windowMs, maxIds: PROMOTE_MEMORY, now: () => clock.now() })
  const loads = createLoads(context)
  const ready = createReady(context)
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // some for each move under way
  const working = new Map<string, Promise<void>>()
  const drainBack = options.burst?.drainBack ?? true
  /** What reads would cost if nothing were kept nearer. */
  const paid = volumes.all.find(({ store }) => store.traits.paid)
  const hasPlaceToGo = volumes.all.filter(({ role }) => role === 'home').length > 1
  /** Copies of what is not ours leave also where there is nowhere to move to. */
  const mayRelieve = hasPlaceToGo || volumes.all.some(({ role }) => role === 'external')

  /** One of a kind at a time; failures are told. */
  const inBackground = (name: string, work: () => Promise<void>): void => {
    if (closing.signal.aborted || working.has(name)) return
    const run = work()
      .catch((error: unknown) => {
        if (!closing.signal.aborted) tellUpkeepFailed(context, 'tiers', toFailure(error))
      })
      .finally(() => working.delete(name))
    working.set(name, run)
  }
  const relieveSoon = (volume: Volume): void =>
    inBackground(`relieve ${volume.id}`, async () => {
      const { marks } = volume
      if (marks === undefined || (await context.use.usedBytes(volume.id)) < marks.highBytes) return
      for await (const _ of relieve(context, volume, noMoves(), closing.signal)) continue
    })
  const aged = createAgeWalk(context)
  /** Moves of other hosts, of earlier processes, and those that wait for a volume to come back; then what came of age. */
  let cancelPoll = (): void => {}
  const poll = (): void => {
    cancelPoll = clock.after(pollMs, () => {
      inBackground('moves', async () => {
        await lookAgain(context)
        const total = noMoves()
        while ((await makeMoves(context, total, closing.signal)) > 0) continue
      })
      if (aged.isDue()) inBackground('aged', () => aged.round(closing.signal))
      poll()
    })
  }
  if (pollMs > 0 && hasPlaceToGo) poll()
  /** Where a copy for reading goes: the nearest volume that serves and may be written. */
  const target = async (): Promise<Volume | undefined> => {
    for (const volume of volumes.all) {
      if (!volume.serves || volume.role === 'external') continue
      const isThere = await volume.checkOnline().then(
        () => true,
        () => false,
      )
      if (isThere) return volume
    }
    return undefined
  }
  /** Makes room where there is none, for what is worth more than what would go. */
  const hasRoom = async (volume: Volume, record: MediaRecord): Promise<boolean> => {
    const { marks } = volume
    if (marks === undefined) return true
    const { blobId, sizeBytes } = record.content
    if ((await context.use.usedBytes(volume.id)) + sizeBytes <= marks.highBytes) return true
    await context.heat.load(volume.id)
    if (!context.heat.isWorthRoom(volume.id, blobId, sizeBytes)) return false
    relieveSoon(volume)
    return sizeBytes <= marks.capacityBytes - marks.lowBytes
  }
  const begin = (record: MediaRecord, options?: { readonly waits: boolean }): Promise<Load | undefined> =>
    loads.start(
      record.content,
      async () => {
        // What nobody has read whole has no digest yet: it can be served, and is copied once its digest is learned.
        if (record.content.digest === undefined) return undefined
        const to = await target()
        return to !== undefined && (await hasRoom(to, record)) ? to : undefined
      },
      options,
    )

  return {
    isCounting: paid !== undefined || volumes.all.some(({ marks }) => marks !== undefined),
    absent() {
      if (paid !== undefined) context.ledger.avoided(paid.id, 'registry', 0)
    },
    async readElsewhere(volume, sizeBytes, sign) {
      const budget = volume.store.traits.paid ? context.budget : NO_BUDGET
      const dollars = readDollars(volume.prices, sizeBytes)
      const held = await budget.hold(dollars, { canWait: options.budget?.delayReads ?? true })
      if (held === undefined) return undefined
      try {
        const signed = await sign()
        context.ledger.estimated(volume.id, { class: 'get', calls: 1, bytes: sizeBytes })
        budget.spent(dollars)
        return signed
      } finally {
        held.release()
      }
    },
    served(volume, blobId, readBytes) {
      context.heat.read(volume.id, blobId)
      ready.read(blobId)
      if (paid !== undefined && !volume.store.traits.paid)
        context.ledger.avoided(paid.id, 'serving-copy', readBytes)
    },
    async loadFor(record, from, cold) {
      const { blobId, sizeBytes } = record.content
      const now = loads.current(blobId)
      if (cold === 'refuse') {
        throw new MediaError('MEDIA_NOT_READY', 'the media is in no tier that serves', {
          reason: now === undefined ? 'cold' : 'loading',
          retryAfterMs: now?.estimateMs() ?? loads.estimateMs(sizeBytes),
        })
      }
      if (now !== undefined) {
        context.ledger.avoided(from.volume.id, 'single-flight', sizeBytes)
        return now
      }
      if (cold === 'wait') return begin(record, { waits: true })
      if (reads === 0 || sizeBytes > maxBytes || demand.read(blobId) < reads) return undefined
      try {
        return await begin(record)
      } catch (error) {
        // The read goes on without a copy being made.
        tellUpkeepFailed(context, 'promote', toFailure(error))
        return undefined
      }
    },
    onKept({ blobId, sizeBytes, placementId, volume, wanted }) {
      context.use.changed(volume.id, sizeBytes)
      context.heat.came(volume.id, blobId, sizeBytes)
      if (mayRelieve && volume.marks !== undefined) relieveSoon(volume)
      if (!hasPlaceToGo) return
      if (volume.id === wanted.id || !drainBack) return
      inBackground(`drain ${blobId}`, async () => {
        const id = newId(clock.now())
        await context.catalog.planMoves([
          { id, blobId, toVolumeId: wanted.id, dropPlacementId: placementId, cause: 'heal', rank: 1 },
        ])
      })
    },
    readyAvailability: (record, from) => ready.of(record, from),
    async coldAvailability(record, reachable, statesUntilMs) {
      const { blobId, sizeBytes } = record.content
      const load = loads.current(blobId)
      if (load !== undefined) return { state: 'loading', retryAfterMs: load.estimateMs() }
      const withinMs = statesUntilMs === undefined ? undefined : Math.max(statesUntilMs - clock.now(), 0)
      const [known] = await context.states.read([blobId], withinMs === undefined ? {} : { withinMs })
      if (known?.state === 'loading') return { state: 'loading', retryAfterMs: known.retryAfterMs }
      if (known?.state === 'failed')
        return { state: 'failed', retryAfterMs: known.retryAfterMs, reason: known.reason }
      const [nearest] = reachable
      if (nearest !== undefined)
        return { state: 'cold', tier: nearest.volume.tier, estimateMs: loads.estimateMs(sizeBytes) }
      const elsewhere = await holderOf(context, record)
      return elsewhere === undefined
        ? { state: 'failed', retryAfterMs: OTHER_HOST_MS, reason: 'no-intact-copy' }
        : { state: 'cold', tier: elsewhere.tier, estimateMs: OTHER_HOST_MS }
    },
    async warm(record) {
      try {
        await begin(record)
      } catch (error) {
        if (!isMediaError(error)) throw error
        tellUpkeepFailed(context, 'warm', error)
      }
    },
    async close() {
      cancelPoll()
      closing.abort(new MediaError('MEDIA_CLOSED', 'the store is closing', { reason: 'closing' }))
      await loads.close()
      await Promise.all(working.values())
    },
  }
}

/** The volume of another host that has the bytes. */
async function holderOf(
  { catalog }: TierContext,
  { content }: MediaRecord,
): Promise<VolumeRecord | undefined> {
  const [placement] = content.placements
  if (placement === undefined) return undefined
  return (await catalog.listVolumes()).find(({ id }) => id === placement.volumeId)
}

/** Makes what is due until nothing is: relief of full volumes, then planned moves. */
export async function* applyTiers(
  context: TierContext,
  signal: AbortSignal | undefined,
): AsyncGenerator<ReturnType<typeof noMoves>> {
  const total = noMoves()
  await lookAgain(context)
  for (const volume of context.volumes.all) {
    const { marks } = volume
    if (marks === undefined || !volume.isOnline) continue
    context.use.forget()
    if ((await context.use.usedBytes(volume.id)) < marks.highBytes) continue
    for await (const progress of relieve(context, volume, total, signal)) yield { ...progress }
  }
  for await (const found of misplaced(context, signal))
    await context.catalog.planMoves([moveOf(found, context.clock.now())])
  while ((await makeMoves(context, total, signal)) > 0) yield { ...total }
  yield { ...total }
}

/** Volumes that were away may be back: nobody else asks those that writes avoid. */
async function lookAgain({ volumes }: TierContext): Promise<void> {
  for (const volume of volumes.all) {
    if (volume.isOnline) continue
    await volume.checkOnline().catch(() => {}) // told by the volume itself
  }
}
