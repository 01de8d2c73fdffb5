import { type Catalog, type LedgerRow, sortLedger } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'

interface StoredRow extends Omit<LedgerRow, 'volumeId'> {
  readonly volumeId: StoredId
}

export function readLedger(
  database: Database,
  { fromDay, toDay }: Parameters<Catalog['ledger']>[0],
): readonly LedgerRow[] {
  const rows = database
    .sql<StoredRow>('SELECT day, volumeId, class, cause, calls, bytes FROM ledger WHERE day BETWEEN ? AND ?')
    .all(fromDay, toDay)
  return sortLedger(rows.map((row) => ({ ...row, volumeId: readId(row.volumeId) })))
}
