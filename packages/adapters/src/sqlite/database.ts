import type { SqliteConnection, SqliteStatement, SqliteValue } from './driver.ts'
import type { StagedPuts } from './writes/staged-puts.ts'
import type { TotalChanges } from './writes/totals.ts'

/** A connection with its statements, each prepared once, at first use. */
export interface Database {
  readonly connection: SqliteConnection
  sql<Row = never>(text: string): SqliteStatement<Row>
  /** A statement that selects one JSON text, named `json`. Drivers take long to make values: one long text is quicker than many columns. */
  json<Row>(text: string): JsonStatement<Row>
  /** The same, not parsed. */
  jsonText(text: string): JsonStatement<string>
}

export interface JsonStatement<Row> {
  get(...values: SqliteValue[]): Row | undefined
  all(...values: SqliteValue[]): Row[]
}

interface JsonRow {
  readonly json: string
}

export function createDatabase(connection: SqliteConnection): Database {
  const statements = new Map<string, SqliteStatement<unknown>>()
  const jsonStatements = new Map<string, JsonStatement<unknown>>()
  const textStatements = new Map<string, JsonStatement<string>>()
  const database: Database = {
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
    json<Row>(text: string): JsonStatement<Row> {
      let statement = jsonStatements.get(text)
      if (statement === undefined) {
        statement = jsonStatement(database.jsonText(text))
        jsonStatements.set(text, statement)
      }
      return statement as JsonStatement<Row>
    },
    jsonText(text) {
      let statement = textStatements.get(text)
      if (statement === undefined) {
        statement = textStatement(connection.prepare<JsonRow>(text))
        textStatements.set(text, statement)
      }
      return statement
    },
  }
  return database
}

/** Changes with every commit of any other connection: our writer thread's and other processes'. */
export function versionOf(database: Database): number {
  const row = database.sql<{ readonly data_version: number }>('PRAGMA data_version').get()
  return row?.data_version ?? Number.NaN
}

function textStatement(statement: SqliteStatement<JsonRow>): JsonStatement<string> {
  return (
    statement.pluck?.<string>() ?? {
      get: (...values) => statement.get(...values)?.json,
      all: (...values) => statement.all(...values).map(({ json }) => json),
    }
  )
}

const parse = (text: string): unknown => JSON.parse(text)

function jsonStatement(statement: JsonStatement<string>): JsonStatement<unknown> {
  return {
    get(...values) {
      const text = statement.get(...values)
      return text === undefined ? undefined : parse(text)
    },
    all: (...values) => statement.all(...values).map(parse),
  }
}

/** A database inside a write transaction, with the time that counts for all of it. */
export interface Transaction extends Database {
  readonly nowMs: number
  readonly stagedPuts: StagedPuts
  readonly totals: TotalChanges
}
