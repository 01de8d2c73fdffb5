import type { MoveOutcome, MoveRecord } from '../contracts/catalog.ts'
import { MAX_MOVES, MOVE_LEASE_MS, MOVE_RETRY_MAX_MS, MOVE_RETRY_MS } from '../defaults.ts'
import { isMediaError } from '../errors/media-error.ts'
import { copyBlob } from '../ingest/copy.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import type { Volume } from '../tiering/volume.ts'
import type { TierContext } from './context.ts'
import { freeLeaving, letLeave } from './release.ts'

/** What was moved so far. */
export interface MoveProgress {
  copied: number
  copiedBytes: number
  evicted: number
  evictedBytes: number
  waiting: number
}

export const noMoves = (): MoveProgress => ({
  copied: 0,
  copiedBytes: 0,
  evicted: 0,
  evictedBytes: 0,
  waiting: 0,
})

/**
 * Makes the moves that are due, some at once: copy, verify, record, then drop. A move is done when the catalog says so; a crash at any
 * step leaves it to the next who asks, and at worst a copy too many.
 * @returns how many were settled: 0 means that nothing was due
 */
export async function makeMoves(
  context: TierContext,
  total: MoveProgress,
  signal: AbortSignal | undefined,
): Promise<number> {
  const volumes = context.volumes.all.filter(({ isOnline }) => isOnline)
  const claimed = await context.catalog.claimMoves({
    volumeIds: volumes.map(({ id }) => id),
    limit: context.options.maxMoves ?? MAX_MOVES,
    leaseMs: MOVE_LEASE_MS,
  })
  await Promise.all(claimed.map((move) => makeMove(context, move, total, signal)))
  return claimed.length
}

async function makeMove(
  context: TierContext,
  move: MoveRecord,
  total: MoveProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  let outcome: MoveOutcome
  try {
    outcome = await carryOut(context, move, total, signal)
  } catch (error) {
    const reason = isMediaError(error) ? (error.reason ?? error.code) : 'failed'
    outcome = { type: 'retry', afterMs: signal?.aborted ? 0 : retryMs(move, error), reason }
    if (isMediaError(error) && signal?.aborted !== true) tellUpkeepFailed(context, 'move', error)
    else if (!isMediaError(error) && signal?.aborted !== true) {
      await settle(context, move, outcome)
      throw error
    }
  }
  if (outcome.type === 'retry') total.waiting += 1
  await settle(context, move, outcome)
  signal?.throwIfAborted()
}

/** A move that was given out again meanwhile is another's now: what was copied stays, and is found there. */
async function settle({ catalog }: TierContext, move: MoveRecord, outcome: MoveOutcome): Promise<void> {
  try {
    await catalog.settleMove(move, outcome)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_LEASE_LOST')) throw error
  }
}

function retryMs({ attempts }: MoveRecord, error: unknown): number {
  if (isMediaError(error) && error.retryAfterMs !== undefined) return error.retryAfterMs
  return Math.min(MOVE_RETRY_MAX_MS, MOVE_RETRY_MS * 2 ** Math.min(attempts, 16))
}

async function carryOut(
  context: TierContext,
  move: MoveRecord,
  total: MoveProgress,
  signal: AbortSignal | undefined,
): Promise<MoveOutcome> {
  const { volumes } = context
  const to = volumes.byId(move.toVolumeId)
  if (to === undefined) return { type: 'retry', afterMs: MOVE_RETRY_MAX_MS, reason: 'other-host' }
  if (move.cause === 'heal' && !(await hasRoom(context, to, move.sizeBytes)))
    return { type: 'retry', afterMs: MOVE_RETRY_MAX_MS / 5, reason: 'full' }
  const done = await copyBlob(context, move.blobId, to, { cause: move.cause, signal })
  switch (done) {
    case 'unwanted':
      return { type: 'dropped' }
    case 'no-source':
      return { type: 'retry', afterMs: retryMs(move, undefined), reason: 'no-source' }
    case 'made':
      total.copied += 1
      total.copiedBytes += move.sizeBytes
      context.use.changed(to.id, move.sizeBytes)
      context.heat.came(to.id, move.blobId, move.sizeBytes)
      context.journal.doubt(to.id)
      break
    case 'present':
      break
  }
  if (move.dropPlacementId !== undefined) await dropSource(context, move, move.dropPlacementId, total, signal)
  return { type: 'done' }
}

async function dropSource(
  context: TierContext,
  move: MoveRecord,
  placementId: string,
  total: MoveProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = move.placements.find(({ id }) => id === placementId)
  const from = source === undefined ? undefined : context.volumes.byId(source.volumeId)
  const left = await letLeave(context, [placementId])
  if (left.length === 0 || source === undefined || from === undefined) return
  await context.states.invalidate([move.blobId])
  context.heat.went(from.id, move.blobId)
  context.journal.doubt(from.id)
  total.evicted += 1
  total.evictedBytes += source.storedBytes
  context.use.left(from.id, source.storedBytes)
  await freeLeaving(context, from, signal)
}

/** Below the low watermark: what comes back must not push out what is there. */
async function hasRoom({ use }: TierContext, { id, marks }: Volume, sizeBytes: number): Promise<boolean> {
  return marks === undefined || (await use.usedBytes(id)) + sizeBytes <= marks.lowBytes
}
