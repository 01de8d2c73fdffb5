import type { Catalog, LedgerEntry, MoveOutcome, NewMove, RegisterExternal } from '../contracts/catalog.ts'
import { MediaError } from '../errors/media-error.ts'

const DAY = /^\d{4}-\d{2}-\d{2}$/

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkLeaveCopies({ keep }: Parameters<Catalog['leaveCopies']>[1]): void {
  checkWhole('keep', keep, 1)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkNewMoves(moves: readonly NewMove[]): void {
  for (const { rank } of moves)
    if (!Number.isFinite(rank)) throw badAmount('the rank must be a finite number')
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkMoveClaim({ limit, leaseMs }: Parameters<Catalog['claimMoves']>[0]): void {
  checkWhole('limit', limit, 1)
  checkWhole('leaseMs', leaseMs, 1)
}

/** Of a session: 0 lets it go. @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkLease({ leaseMs }: { readonly leaseMs?: number }): void {
  if (leaseMs !== undefined) checkWhole('leaseMs', leaseMs, 0)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkMoveOutcome(outcome: MoveOutcome): void {
  if (outcome.type === 'retry') checkWhole('afterMs', outcome.afterMs, 0)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` | `object-twice` */
export function checkExternal({ objects }: RegisterExternal): void {
  const keys = new Set<string>()
  for (const { key, sizeBytes } of objects) {
    checkWhole('sizeBytes', sizeBytes, 0)
    if (keys.has(key))
      throw new MediaError('MEDIA_BAD_INPUT', 'an object is given twice', { reason: 'object-twice' })
    keys.add(key)
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkLedgerEntries(entries: readonly LedgerEntry[]): void {
  for (const { calls, bytes } of entries) {
    checkWhole('calls', calls, 0)
    checkWhole('bytes', bytes, 0)
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-day` */
export function checkLedgerDays({ fromDay, toDay }: Parameters<Catalog['ledger']>[0]): void {
  checkDay(fromDay)
  checkDay(toDay)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` */
export function checkSpend({ amount, limit }: Parameters<Catalog['reserveSpend']>[0]): void {
  checkWhole('amount', amount, 0)
  checkWhole('limit', limit, 0)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-amount` | `bad-day` */
export function checkSpendReturn({ amount, day }: Parameters<Catalog['returnSpend']>[0]): void {
  checkWhole('amount', amount, 0)
  checkDay(day)
}

function checkWhole(name: string, value: number, least: 0 | 1): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw badAmount(`${name} must be a whole number, ${least} or more`)
}

function badAmount(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-amount' })
}

function checkDay(day: string): void {
  if (DAY.test(day) && !Number.isNaN(Date.parse(day))) return
  throw new MediaError('MEDIA_BAD_INPUT', 'a day is written as 2026-01-31', { reason: 'bad-day' })
}
