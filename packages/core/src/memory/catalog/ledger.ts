import {
  checkLedgerDays,
  checkLedgerEntries,
  checkSpend,
  checkSpendReturn,
  dayOf,
  sortLedger,
} from '../../catalog/index.ts'
import type { Catalog, LedgerEntry, LedgerRow } from '../../contracts/catalog.ts'
import { compositeKey, type MemoryTables } from './tables.ts'

export function addToLedger(tables: MemoryTables, entries: readonly LedgerEntry[], nowMs: number): void {
  checkLedgerEntries(entries)
  const day = dayOf(nowMs)
  for (const { volumeId, class: callClass, cause, calls, bytes } of entries) {
    const name = compositeKey(day, volumeId, callClass, cause)
    const sum = tables.ledger.get(name)
    if (sum === undefined) tables.ledger.set(name, { day, volumeId, class: callClass, cause, calls, bytes })
    else {
      sum.calls += calls
      sum.bytes += bytes
    }
  }
}

export function readLedger(
  tables: MemoryTables,
  days: Parameters<Catalog['ledger']>[0],
): readonly LedgerRow[] {
  checkLedgerDays(days)
  const rows = [...tables.ledger.values()].filter(({ day }) => day >= days.fromDay && day <= days.toDay)
  return sortLedger(rows.map((row) => ({ ...row })))
}

export function reserveSpend(
  tables: MemoryTables,
  options: Parameters<Catalog['reserveSpend']>[0],
  nowMs: number,
): { readonly day: string; readonly granted: number; readonly spent: number } {
  checkSpend(options)
  const { budget, amount, limit } = options
  const day = dayOf(nowMs)
  const name = compositeKey(budget, day)
  const before = tables.spent.get(name) ?? 0
  const granted = Math.min(amount, Math.max(0, limit - before))
  if (granted > 0) tables.spent.set(name, before + granted)
  return { day, granted, spent: before + granted }
}

export function returnSpend(tables: MemoryTables, options: Parameters<Catalog['returnSpend']>[0]): void {
  checkSpendReturn(options)
  const { budget, day, amount } = options
  const name = compositeKey(budget, day)
  const before = tables.spent.get(name)
  if (before !== undefined) tables.spent.set(name, Math.max(0, before - amount))
}
