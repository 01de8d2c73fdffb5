import { MediaError } from '@mediakeep/core'
import type * as pg from 'pg'
import { catalogError } from '../errors.ts'
import type { PostgresSource } from '../options.ts'
import type { PostgresClient, PostgresPool } from './pool.ts'

/** A pool, and what closes it where it is ours. */
export interface OpenedPool {
  readonly pool: PostgresPool
  close(): Promise<void>
}

const MAX_CONNECTIONS = 10

/** @throws MediaError MEDIA_UNSUPPORTED `no-pg`; MEDIA_UNAVAILABLE for an address that is none */
export async function openPool(source: PostgresSource): Promise<OpenedPool> {
  if ('pool' in source) {
    const { pool } = source
    pool.on?.('connect', listenForGood)
    return { pool, close: async () => void pool.removeListener?.('connect', listenForGood) }
  }
  const { Pool } = await loadPg()
  try {
    const pool = new Pool({
      connectionString: source.connectionString,
      max: source.maxConnections ?? MAX_CONNECTIONS,
    })
    // A connection that fails while it rests is gone from the pool; nobody need know.
    pool.on('error', ignore)
    pool.on('connect', listenForGood)
    return { pool, close: () => pool.end() }
  } catch (error) {
    throw catalogError('read the connection string', error)
  }
}

const ignore = (): void => undefined

/**
 * A server that ends a connection as soon as it is made tells both at once: the pool has let go of it by then, and who asked for it has
 * not been told. An error that nobody listens to ends the process.
 */
function listenForGood(client: PostgresClient): void {
  client.on('error', ignore)
}

async function loadPg(): Promise<Pick<typeof pg, 'Pool'>> {
  try {
    return await import('pg')
  } catch (error) {
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      'postgres: the catalog needs a package that is not installed: npm install pg',
      { reason: 'no-pg', cause: error },
    )
  }
}
