import { type CatalogHarness, fakeClock } from '@mediakeep/testkit'
import type { Pool } from 'pg'
import type { PostgresPool } from '../connection/pool.ts'
import { type PostgresCatalogSettings, postgresCatalog } from '../index.ts'

const SCHEMA = 'mediakeep_kit'
/** What must be empty when a case has taken away all it made. */
const EMPTIED = [
  'blobs',
  'placements',
  'media',
  'contents',
  'terms',
  'sessions',
  'pins',
  'reservations',
] as const
const ALL = [
  ...EMPTIED,
  'volumes',
  'totals',
  'gates',
  'outcomes',
  'derivatives',
  'ledger',
  'spending',
  'moves',
]

const CASES_PER_VACUUM = 8

export interface PostgresHarnessOptions extends Pick<PostgresCatalogSettings, 'isolation'> {
  /** Puts faults around the pool of each catalog. */
  readonly around?: (pool: Pool) => PostgresPool
}

/** The kit on a real server: one schema for all cases, emptied before each. */
export function postgresHarness(pool: Pool, options: PostgresHarnessOptions = {}): CatalogHarness {
  const { around = (inner: Pool): PostgresPool => inner, ...settings } = options
  const count = async (table: string): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${SCHEMA}.${table}`)
    return rows[0]?.n ?? 0
  }
  /** Dead rows stay in the indexes until they are vacuumed, and later cases would read past those of a case of many. */
  const empty = async (): Promise<void> => {
    await pool.query(ALL.map((table) => `DELETE FROM ${SCHEMA}.${table}`).join(';'))
    if (cases++ % CASES_PER_VACUUM === 0)
      await pool.query(`VACUUM ${ALL.map((table) => `${SCHEMA}.${table}`).join(', ')}`)
  }
  let cases = 0
  return {
    clock: 'fake',
    persists: true,
    async create() {
      // It stands between advances: a server under load takes longer for a call than a case's grace.
      const clock = fakeClock()
      const open = () => postgresCatalog({ pool: around(pool), schema: SCHEMA, clock, ...settings })
      const first = postgresCatalog({ pool: pool, schema: SCHEMA })
      await first.open()
      await first.close()
      await empty()
      return {
        catalog: open(),
        again: open,
        async advance(ms) {
          clock.advance(ms)
        },
        async loseMarks() {
          await pool.query(`UPDATE ${SCHEMA}.blobs SET state = 'live', condemned_at = NULL`)
        },
        async leftovers() {
          const faults: string[] = []
          for (const table of EMPTIED) {
            const rows = await count(table)
            if (rows > 0) faults.push(`${rows} rows of ${table}`)
          }
          const { rows } = await pool.query<{ subject: string }>(
            `SELECT subject FROM ${SCHEMA}.totals GROUP BY subject HAVING sum(items) <> 0 OR sum(bytes) <> 0`,
          )
          return [...faults, ...rows.map(({ subject }) => `a sum of ${subject} that is not 0`)]
        },
        async cleanup() {},
      }
    },
  }
}
