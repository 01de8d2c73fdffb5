import { MediaError } from '@mediakeep/core'
import { catalogError } from './errors.ts'

/** The two SQLite drivers that this catalog runs on. */
export type SqliteDriverName = 'better-sqlite3' | 'node:sqlite'

export type SqliteValue = string | number | null | Uint8Array

/** The subset of a prepared statement that both drivers have. `Row` says what the statement selects. */
export interface SqliteStatement<Row> {
  run(...values: SqliteValue[]): { readonly changes: number | bigint }
  get(...values: SqliteValue[]): Row | undefined
  all(...values: SqliteValue[]): Row[]
  /** Rows become the value of their only column: without an object for each of them. better-sqlite3 alone can. */
  pluck?<Value extends SqliteValue>(): SqliteStatement<Value>
}

/** The subset of a connection that both drivers have. Nothing above this seam knows which one it is. */
export interface SqliteConnection {
  exec(sql: string): unknown
  prepare<Row = never>(sql: string): SqliteStatement<Row>
  close(): unknown
}

export interface OpenConnectionOptions {
  readonly readOnly: boolean
  /** How long a statement waits for a lock of another process. */
  readonly busyMs: number
}

interface BetterSqlite {
  new (
    file: string,
    options: { readonly readonly: boolean; readonly fileMustExist: boolean; readonly timeout: number },
  ): SqliteConnection
}
interface NodeSqlite {
  readonly DatabaseSync: new (file: string, options: { readonly readOnly: boolean }) => SqliteConnection
}

type Loaded =
  | { readonly name: 'better-sqlite3'; readonly constructor: BetterSqlite }
  | { readonly name: 'node:sqlite'; readonly constructor: NodeSqlite['DatabaseSync'] }

/** An opened driver: its name travels to the worker threads, so that all use the same. */
export interface SqliteDriver {
  readonly name: SqliteDriverName
  open(file: string, options: OpenConnectionOptions): SqliteConnection
}

/**
 * Finds a driver that works here: better-sqlite3 where it loads and opens, else `node:sqlite` (Node 22.13 and later).
 * @throws MediaError MEDIA_UNSUPPORTED `no-sqlite-driver`
 */
export async function loadDriver(wanted?: SqliteDriverName): Promise<SqliteDriver> {
  const faults: unknown[] = []
  for (const name of wanted === undefined ? (['better-sqlite3', 'node:sqlite'] as const) : [wanted]) {
    try {
      return driverOf(name === 'better-sqlite3' ? await loadBetterSqlite() : loadNodeSqlite())
    } catch (error) {
      faults.push(error)
    }
  }
  throw new MediaError(
    'MEDIA_UNSUPPORTED',
    wanted === undefined
      ? 'sqlite: no driver works here; install better-sqlite3 (npm install better-sqlite3) or run Node 22.13 or later'
      : `sqlite: the driver ${wanted} does not work here; ${wanted === 'node:sqlite' ? 'run Node 22.13 or later' : 'install better-sqlite3'}, or leave the option driver out`,
    { reason: 'no-sqlite-driver', cause: faults.length === 1 ? faults[0] : new AggregateError(faults) },
  )
}

function driverOf(loaded: Loaded): SqliteDriver {
  return {
    name: loaded.name,
    open(file, { readOnly, busyMs }) {
      try {
        const connection =
          loaded.name === 'better-sqlite3'
            ? new loaded.constructor(file, { readonly: readOnly, fileMustExist: readOnly, timeout: busyMs })
            : new loaded.constructor(file, { readOnly })
        connection.exec(`PRAGMA busy_timeout = ${busyMs}`)
        return connection
      } catch (error) {
        throw catalogError('open', error)
      }
    },
  }
}

async function loadBetterSqlite(): Promise<Loaded> {
  // An optional peer: types and presence are checked here, not at build time.
  const name = 'better-sqlite3'
  const { default: constructor } = (await import(/* @vite-ignore */ name)) as {
    readonly default: BetterSqlite
  }
  // A package without its native part imports well and throws only when a database is opened.
  new constructor(':memory:', { readonly: false, fileMustExist: false, timeout: 0 }).close()
  return { name: 'better-sqlite3', constructor }
}

function loadNodeSqlite(): Loaded {
  // Never a static import: on Node 20 the module does not exist, and the file that imports it could not load.
  const module = process.getBuiltinModule('node:sqlite') as NodeSqlite | undefined
  if (module === undefined) throw new Error(`Node ${process.versions.node} has no node:sqlite`)
  return { name: 'node:sqlite', constructor: module.DatabaseSync }
}
