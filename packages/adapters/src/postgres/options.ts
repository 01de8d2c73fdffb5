import type { Clock, OptionNames } from '@mediakeep/core'
import type { PostgresPool } from './connection/pool.ts'

export const SCHEMA = 'mediakeep'
export const ACQUIRE_TIMEOUT_MS = 10_000
export const ANSWER_TIMEOUT_MS = 30_000

/** Whose connections: those of the host's own pool of `pg`, or of one that the catalog makes and closes. */
export type PostgresSource =
  | {
      /** Used, never closed. It needs an `error` listener of the host's, as every pool of `pg` does. */
      readonly pool: PostgresPool
    }
  | {
      /** `postgres://...`; needs the package `pg`. Never shown in an error. */
      readonly connectionString: string
      /** Connections of the pool made of it. Default 10. */
      readonly maxConnections?: number
    }

export interface PostgresCatalogSettings {
  /** The PostgreSQL schema that holds all tables; made when it is missing. Default `mediakeep`. */
  readonly schema?: string
  /**
   * How transactions are begun. Locks make both right; `serializable`, which is also what CockroachDB does whatever is
   * asked for, makes more of them begin again. Default `read committed`.
   */
  readonly isolation?: 'read committed' | 'serializable'
  /**
   * False sends every statement whole: for a pooler that gives each transaction another connection and knows no
   * prepared statements. What such a pooler refuses is also noticed. Default true.
   */
  readonly prepare?: boolean
  /** How long a call waits for a connection of the pool before it fails with MEDIA_BUSY. Default 10,000. */
  readonly acquireTimeoutMs?: number
  /** How long a call waits for an answer before the connection is closed and it fails with MEDIA_UNAVAILABLE. Default 30,000. */
  readonly answerTimeoutMs?: number
  /** Takes the place of the database's clock, for tests. */
  readonly clock?: Pick<Clock, 'now'>
}

export type PostgresCatalogOptions = PostgresSource & PostgresCatalogSettings

const SETTINGS: OptionNames<PostgresCatalogSettings> = {
  schema: true,
  isolation: true,
  prepare: true,
  acquireTimeoutMs: true,
  answerTimeoutMs: true,
  clock: true,
}

/** With a pool of the host's own, the others of the source would do nothing. */
export const POOL_OPTIONS: OptionNames<Extract<PostgresCatalogOptions, { pool: unknown }>> = {
  pool: true,
  ...SETTINGS,
}

export const ADDRESS_OPTIONS: OptionNames<Exclude<PostgresCatalogOptions, { pool: unknown }>> = {
  connectionString: true,
  maxConnections: true,
  ...SETTINGS,
}
