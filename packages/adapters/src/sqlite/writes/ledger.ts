import { type Catalog, dayOf, type LedgerEntry } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'

export function addToLedger(tx: Transaction, entries: readonly LedgerEntry[]): undefined {
  const add = tx.sql(
    `INSERT INTO ledger(day, volumeId, class, cause, calls, bytes) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT(day, volumeId, class, cause) DO UPDATE SET calls = calls + excluded.calls, bytes = bytes + excluded.bytes`,
  )
  const day = dayOf(tx.nowMs)
  for (const { volumeId, class: callClass, cause, calls, bytes } of entries)
    add.run(day, storeId(volumeId), callClass, cause, calls, bytes)
  return undefined
}

export type ReservedSpend = Awaited<ReturnType<Catalog['reserveSpend']>>

export function reserveSpend(
  tx: Transaction,
  { budget, amount, limit }: Parameters<Catalog['reserveSpend']>[0],
): ReservedSpend {
  const day = dayOf(tx.nowMs)
  const before =
    tx
      .sql<{ readonly spent: number }>('SELECT spent FROM spending WHERE budget = ? AND day = ?')
      .get(budget, day)?.spent ?? 0
  const granted = Math.min(amount, Math.max(0, limit - before))
  if (granted > 0)
    tx.sql(
      `INSERT INTO spending(budget, day, spent) VALUES (?, ?, ?)
       ON CONFLICT(budget, day) DO UPDATE SET spent = spent + excluded.spent`,
    ).run(budget, day, granted)
  return { day, granted, spent: before + granted }
}

export function returnSpend(
  tx: Transaction,
  { budget, day, amount }: Parameters<Catalog['returnSpend']>[0],
): undefined {
  tx.sql('UPDATE spending SET spent = max(0, spent - ?) WHERE budget = ? AND day = ?').run(
    amount,
    budget,
    day,
  )
  return undefined
}
