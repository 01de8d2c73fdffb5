import type { SqliteConnection, SqliteStatement } from './driver.ts'

/** A connection with its statements, each prepared once, at first use. */
export interface Database {
  readonly connection: SqliteConnection
  sql<Row = never>(text: string): SqliteStatement<Row>
}

export function createDatabase(connection: SqliteConnection): Database {
  const statements = new Map<string, SqliteStatement<unknown>>()
  return {
    connection,
    sql<Row>(text: string): SqliteStatement<Row> {
      let statement = statements.get(text)
      if (statement === undefined) {
        statement = connection.prepare<unknown>(text)
        statements.set(text, statement)
      }
      // The text of a statement decides its rows: one text is only ever used with one Row.
      return statement as SqliteStatement<Row>
    },
  }
}

/** A database inside a write transaction, with the time that counts for all of it. */
export interface Transaction extends Database {
  readonly nowMs: number
}
