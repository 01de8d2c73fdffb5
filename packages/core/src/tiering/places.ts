import type { CallCause } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type { BurstOptions, PlacementRule } from '../contracts/tiering.ts'
import { BURST_HOLD_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Budget } from './budget.ts'
import { type BurstReason, type BurstState, burstReason, NO_BURST, nextBurst } from './burst.ts'
import { type PlacementFacts, ruleFor } from './rules.ts'
import type { VolumeUse } from './usage.ts'
import type { Volume } from './volume.ts'
import { createWriteSpeed, type WriteSpeed } from './write-speed.ts'

/** Where a body may go, and what the write counts as. */
export interface Place {
  readonly volume: Volume
  readonly cause: Extract<CallCause, 'write' | 'burst'>
}

export interface Refusal {
  readonly volume: Volume
  readonly reason: BurstReason | 'budget' | 'size'
}

export interface Places {
  readonly rule: PlacementRule | undefined
  /** Where it belongs, whatever keeps it from there now. */
  readonly wanted: readonly Volume[]
  /** Best first. Those that are to be spared come last: full ones still have room above their high watermark. */
  readonly places: readonly Place[]
  readonly refused: readonly Refusal[]
  /** Why one that was asked is no place. */
  readonly failure: unknown
}

/** Chooses volumes for writes: rule, then health, room and speed of each volume. */
export interface Chooser {
  placesFor(facts: PlacementFacts): Promise<Places>
  /** Why writes go past this volume now. */
  burstOf(volume: Volume): Promise<BurstReason | undefined>
  wrote(volume: Volume, sizeBytes: number, tookMs: number): void
  /** The volume refused a write in a way that says it will refuse the next one too. */
  failed(volume: Volume): void
}

export interface ChooserContext {
  readonly volumes: readonly Volume[]
  readonly clock: Clock
  readonly use: VolumeUse
  readonly budget: Budget
  readonly rules: readonly PlacementRule[]
  readonly burst: BurstOptions
  readonly stopBursts: boolean
}

interface Watched {
  state: BurstState
  failedAtMs: number
  readonly speed: WriteSpeed
}

export function createChooser(context: ChooserContext): Chooser {
  const { clock, use, burst } = context
  const holdMs = burst.holdMs ?? BURST_HOLD_MS
  const homes = context.volumes.filter(({ role }) => role === 'home')
  const watched = new Map<string, Watched>(
    homes.map(({ id }) => [
      id,
      { state: NO_BURST, failedAtMs: Number.NEGATIVE_INFINITY, speed: createWriteSpeed() },
    ]),
  )

  /** @returns what keeps the volume from being written at all. */
  const offline = async (volume: Volume): Promise<unknown> => {
    try {
      await volume.checkOnline()
      return undefined
    } catch (error) {
      if (!isMediaError(error)) throw error
      return error
    }
  }
  const look = async (volume: Volume, isDown: boolean): Promise<BurstReason | undefined> => {
    const seen = watched.get(volume.id)
    if (seen === undefined) return undefined
    const nowMs = clock.now()
    const failedLately = nowMs >= seen.failedAtMs && nowMs - seen.failedAtMs < holdMs
    seen.state = nextBurst(
      seen.state,
      {
        nowMs,
        isDown: isDown || failedLately,
        usedBytes: volume.marks === undefined ? undefined : await use.usedBytes(volume.id),
        writeMsPerMib: seen.speed.msPerMib(nowMs),
      },
      volume.marks,
      burst,
    )
    return burstReason(seen.state)
  }
  /** Asking it first would cost each put a transaction that fails. */
  const lacksRoom = async (
    { id, capacityBytes }: Volume,
    { needsRoom, sizeBytes }: PlacementFacts,
  ): Promise<boolean> =>
    needsRoom === true &&
    capacityBytes !== undefined &&
    sizeBytes !== undefined &&
    (await use.usedBytes(id)) + sizeBytes > capacityBytes
  const isSimple = homes.length === 1 && context.rules.length === 0

  return {
    async placesFor(facts) {
      const rule = isSimple ? undefined : ruleFor(context.rules, facts)
      const wanted = rule === undefined ? homes : inOrder(homes, rule.tiers)
      const calm: Place[] = []
      const spared: Place[] = []
      const refused: Refusal[] = []
      let failure: unknown
      for (const [index, volume] of wanted.entries()) {
        const { store } = volume
        if (facts.sizeBytes !== undefined && facts.sizeBytes > store.traits.maxObjectBytes) {
          refused.push({ volume, reason: 'size' })
          failure ??= new MediaError(
            'MEDIA_TOO_LARGE',
            `${store.name} takes objects of ${store.traits.maxObjectBytes} bytes at most`,
          )
          continue
        }
        const cause = index > 0 && store.traits.paid ? 'burst' : 'write'
        const place: Place = { volume, cause }
        // One that takes the body is enough: others are only asked when it refuses, or when somebody wants to know.
        if (calm.length > 0 && facts.isComplete !== true) {
          const isSpared =
            !volume.isOnline || burstReason(watched.get(volume.id)?.state ?? NO_BURST) !== undefined
          if (isSpared) spared.push(place)
          else calm.push(place)
          continue
        }
        const away = await offline(volume)
        // One home alone takes what it can: there is nowhere to burst to.
        let reason = isSimple ? undefined : await look(volume, away !== undefined)
        if (away !== undefined) {
          refused.push({ volume, reason: 'down' })
          failure = away
          continue
        }
        if (!isSimple && reason === undefined && (await lacksRoom(volume, facts))) reason = 'full'
        if (cause === 'burst' && context.stopBursts && context.budget.isSpent()) {
          refused.push({ volume, reason: 'budget' })
          spared.push(place)
        } else if (reason === undefined) calm.push(place)
        else {
          refused.push({ volume, reason })
          spared.push(place)
        }
      }
      return {
        rule,
        wanted,
        // Of those to be spared the nearest first, but a spent budget is the last to ask.
        places: [...calm, ...spared.filter(isNear), ...spared.filter((place) => !isNear(place))],
        refused,
        failure,
      }
    },
    burstOf: async (volume) => look(volume, (await offline(volume)) !== undefined),
    wrote(volume, sizeBytes, tookMs) {
      watched.get(volume.id)?.speed.wrote(sizeBytes, tookMs, clock.now())
    },
    failed(volume) {
      const seen = watched.get(volume.id)
      if (seen !== undefined) seen.failedAtMs = clock.now()
    },
  }
}

const isNear = ({ cause }: Place): boolean => cause === 'write'

function inOrder(homes: readonly Volume[], tiers: readonly string[]): readonly Volume[] {
  return tiers.flatMap((tier) => homes.filter((volume) => volume.tier === tier))
}

/** Whether another place may take what this one refused: it is full, down, or may not be paid for now. */
export function mayGoElsewhere(error: unknown): boolean {
  return (
    isMediaError(error, 'MEDIA_NO_SPACE') ||
    isMediaError(error, 'MEDIA_UNAVAILABLE') ||
    isMediaError(error, 'MEDIA_NOT_READY') ||
    isMediaError(error, 'MEDIA_BUSY') ||
    isMediaError(error, 'MEDIA_TIMEOUT')
  )
}

/**
 * Which of two refusals the sender is told: the first, but where that one has no room and the other may take the body once it is back,
 * to come again is the better answer.
 */
export function graver(first: unknown, next: unknown): unknown {
  if (first === undefined) return next
  const isWorthAWait = mayGoElsewhere(next) && !isMediaError(next, 'MEDIA_NO_SPACE')
  return isWorthAWait && isMediaError(first, 'MEDIA_NO_SPACE') ? next : first
}

/** @throws MediaError MEDIA_UNAVAILABLE when no home volume is online, MEDIA_TOO_LARGE when none takes that size. */
export async function choosePlaces(
  { chooser }: { readonly chooser: Chooser },
  facts: PlacementFacts,
): Promise<Places> {
  const chosen = await chooser.placesFor(facts)
  if (chosen.places.length > 0) return chosen
  throw chosen.failure ?? new MediaError('MEDIA_UNAVAILABLE', 'no home volume', { reason: 'volume-offline' })
}
