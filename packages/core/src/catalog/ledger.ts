import type { LedgerRow } from '../contracts/catalog.ts'

/** The day of a time, UTC: `2026-01-31`. */
export function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10)
}

/** By day, volume, class and cause. */
export function sortLedger(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  return [...rows].sort(
    (one, other) =>
      order(one.day, other.day) ||
      order(one.volumeId, other.volumeId) ||
      order(one.class, other.class) ||
      order(one.cause, other.cause),
  )
}

function order(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
