import { checkLease } from '../../catalog/index.ts'
import type { CommitCopy, StageCopy, StagedCopy } from '../../contracts/catalog.ts'
import { changePlacement, checkPlacementFree, pinBlob } from './blobs.ts'
import { leaseLost } from './commit.ts'
import { blobCopies } from './copies.ts'
import { beginSession, endSession, sessionOf, sessionRecord } from './sessions.ts'
import { addStaged } from './stage.ts'
import type { BlobRow, MemoryTables, SessionRow } from './tables.ts'
import { lock } from './uploads.ts'

/** Transaction A of a further copy. */
export function stageCopy(tables: MemoryTables, input: StageCopy, nowMs: number): StagedCopy {
  checkLease(input)
  const blob = tables.blobs.get(input.blobId)
  if (blob === undefined || blob.contents.size === 0) return { type: 'unwanted' }
  if (livesOn(blob, input.volumeId)) return { type: 'present' }
  const other = copierOf(blob, input.volumeId, nowMs)
  if (other !== undefined)
    return { type: 'under-way', sessionId: other.id, leaseLeftMs: leaseEndMs(other) - nowMs }
  checkPlacementFree(tables, input)
  const begun = beginSession(tables, input.session, nowMs)
  if (begun.type === 'repeated') throw new Error('a session without idempotency key repeats no outcome')

  // From here on nothing fails.
  const { session } = begun
  pinBlob(tables, blob, session)
  addStaged(tables, session, blob, input)
  lock(session, nowMs, input.leaseMs)
  return { type: 'staged', session: sessionRecord(session), blob: blobCopies(blob) }
}

/** Transaction B of a further copy. */
export function commitCopy(
  tables: MemoryTables,
  input: CommitCopy,
  nowMs: number,
): { readonly redundant: boolean } {
  const session = sessionOf(tables, input.session)
  const { id, storedBytes, etag } = input.placement
  const placement = tables.placements.get(id)
  if (placement?.state !== 'staged' || !session.staged.has(placement))
    throw leaseLost('its placement is no longer staged')
  const redundant = livesOn(placement.blob, placement.volumeId)
  changePlacement(tables, placement, {
    storedBytes,
    etag,
    ...(redundant ? { state: 'leaving', leavingSinceMs: nowMs } : { state: 'live', verifiedAtMs: nowMs }),
  })
  endSession(tables, session, nowMs)
  return { redundant }
}

/** The session that makes a copy of the blob there, and whose lease lasts longest. */
function copierOf(blob: BlobRow, volumeId: string, nowMs: number): SessionRow | undefined {
  const isCopying = ({ staged }: SessionRow): boolean =>
    [...staged].some((one) => one.blob === blob && one.state === 'staged' && one.volumeId === volumeId)
  return [...blob.pins]
    .filter((session) => leaseEndMs(session) > nowMs && isCopying(session))
    .sort((a, b) => leaseEndMs(b) - leaseEndMs(a))[0]
}

function leaseEndMs({ lockedUntilMs, expiresAtMs }: SessionRow): number {
  return Math.min(lockedUntilMs ?? 0, expiresAtMs)
}

function livesOn(blob: BlobRow, volumeId: string): boolean {
  return [...blob.placements].some((one) => one.state === 'live' && one.volumeId === volumeId)
}
