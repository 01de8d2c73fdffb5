import { type Catalog, dayOf, type LedgerEntry, type LedgerRow, sortLedger } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'

const ADD = `INSERT INTO @ledger AS l (day, volume_id, class, cause, calls, bytes)
  SELECT $1, e.volume_id, e.class, e.cause, sum(e.calls)::bigint, sum(e.bytes)::bigint
  FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS e(volume_id, class, cause, calls, bytes)
  GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
  ON CONFLICT (day, volume_id, class, cause)
  DO UPDATE SET calls = l.calls + excluded.calls, bytes = l.bytes + excluded.bytes`

export function addToLedger(database: Database, entries: readonly LedgerEntry[]): Promise<void> {
  return database.transact(
    'add to the ledger',
    async (tx) => {
      await tx.run()
      await tx.commit(
        sql(
          ADD,
          dayOf(tx.nowMs),
          entries.map(({ volumeId }) => volumeId),
          entries.map((entry) => entry.class),
          entries.map(({ cause }) => cause),
          entries.map(({ calls }) => calls),
          entries.map(({ bytes }) => bytes),
        ),
      )
    },
    { durable: false },
  )
}

const READ = `SELECT json_build_object('day', day, 'volumeId', volume_id, 'class', class, 'cause', cause,
    'calls', calls, 'bytes', bytes) FROM @ledger WHERE day BETWEEN $1 AND $2`

export async function readLedger(
  database: Database,
  { fromDay, toDay }: Parameters<Catalog['ledger']>[0],
): Promise<readonly LedgerRow[]> {
  return sortLedger(await database.ask('read the ledger', sql<LedgerRow>(READ, fromDay, toDay)))
}

const SPENT = 'SELECT to_json(spent) FROM @spending WHERE budget = $1 AND day = $2 FOR UPDATE'
const FIRST = 'INSERT INTO @spending(budget, day, spent) VALUES ($1, $2, $3)'
const MORE = 'UPDATE @spending SET spent = spent + $3 WHERE budget = $1 AND day = $2'

/** Durable: what was granted and lost would be spent twice. */
export function reserveSpend(
  database: Database,
  { budget, amount, limit }: Parameters<Catalog['reserveSpend']>[0],
): ReturnType<Catalog['reserveSpend']> {
  return database.transact('reserve spending', async (tx) => {
    await tx.run()
    const day = dayOf(tx.nowMs)
    const [{ rows }] = await tx.run(sql<number>(SPENT, budget, day))
    const [before = 0] = rows
    const granted = Math.min(amount, Math.max(0, limit - before))
    if (granted > 0) await tx.commit(sql(rows.length === 0 ? FIRST : MORE, budget, day, granted))
    return { day, granted, spent: before + granted }
  })
}

export async function returnSpend(
  database: Database,
  { budget, day, amount }: Parameters<Catalog['returnSpend']>[0],
): Promise<void> {
  await database.ask(
    'return spending',
    sql(
      'UPDATE @spending SET spent = greatest(0, spent - $3) WHERE budget = $1 AND day = $2',
      budget,
      day,
      amount,
    ),
  )
}
