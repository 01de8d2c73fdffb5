import type { BurstOptions } from '../contracts/tiering.ts'
import { BURST_HOLD_MS } from '../defaults.ts'

/** Why writes go past a tier. */
export type BurstReason = 'full' | 'slow' | 'down'

/** Watermarks of a volume in bytes; absent: it has no capacity. */
export interface Watermarks {
  readonly capacityBytes: number
  readonly highBytes: number
  readonly lowBytes: number
}

/** What is known of a volume at one moment. */
export interface BurstSigns {
  readonly nowMs: number
  /** Stored and reserved. */
  readonly usedBytes: number | undefined
  readonly isDown: boolean
  /** Of the writes of late, for each MiB begun; absent: there were none. */
  readonly writeMsPerMib: number | undefined
}

/** The conditions that hold, and since when. Begins empty. */
export type BurstState = Readonly<Partial<Record<BurstReason, number>>>

export const NO_BURST: BurstState = {}

/**
 * Each condition begins at one mark and ends at another, and holds for a while at least: what flutters around one mark would send
 * every other body to the paid tier. Pure: the same signs give the same state.
 */
export function nextBurst(
  state: BurstState,
  signs: BurstSigns,
  marks: Watermarks | undefined,
  options: BurstOptions,
): BurstState {
  const { whenFull = true, whenDown = true, whenSlowerThanMs = 0, holdMs = BURST_HOLD_MS } = options
  const next: Partial<Record<BurstReason, number>> = {}
  const keep = (reason: BurstReason, begins: boolean, ends: boolean): void => {
    const since = state[reason]
    if (since === undefined) {
      if (begins) next[reason] = signs.nowMs
      return
    }
    // A clock that was set back ends nothing early and keeps nothing for ever.
    const isHeld = signs.nowMs >= since && signs.nowMs - since < holdMs
    if (isHeld || !ends) next[reason] = Math.min(since, signs.nowMs)
  }
  if (whenFull && marks !== undefined && signs.usedBytes !== undefined)
    keep('full', signs.usedBytes >= marks.highBytes, signs.usedBytes <= marks.lowBytes)
  if (whenDown) keep('down', signs.isDown, !signs.isDown)
  if (whenSlowerThanMs > 0) {
    const ms = signs.writeMsPerMib
    keep('slow', ms !== undefined && ms > whenSlowerThanMs, ms === undefined || ms < whenSlowerThanMs / 2)
  }
  return next
}

/** The reason to tell of, the gravest first. */
export function burstReason(state: BurstState): BurstReason | undefined {
  for (const reason of ['down', 'full', 'slow'] as const) if (state[reason] !== undefined) return reason
  return undefined
}
