import type { Database } from '../database.ts'

/** Several statements on one state of the database. */
export function inSnapshot<T>(database: Database, read: () => T): T {
  database.sql('BEGIN').run()
  try {
    return read()
  } finally {
    database.sql('COMMIT').run()
  }
}
