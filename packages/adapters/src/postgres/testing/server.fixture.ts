import { Pool, type PoolConfig } from 'pg'
import { afterAll, describe, test } from 'vitest'
import {
  missingPostgresReason,
  type PostgresServer,
  type StartPostgresOptions,
  startPostgres,
} from '../../../../../scripts/postgres.mjs'

/** One server for the tests of a file. */
export interface TestServer {
  readonly server: PostgresServer
  /** A pool that is closed before the server. */
  pool(options?: PoolConfig): Pool
}

/**
 * `describe` for what needs a server, which is started first: kits ask for it when tests are collected. Without
 * PostgreSQL it is skipped, with a printed reason; never in CI.
 */
export async function describeOnPostgres(
  name: string,
  body: (on: TestServer) => void,
  options?: StartPostgresOptions,
): Promise<void> {
  const reason = missingPostgresReason()
  if (reason !== undefined && process.env['CI'] !== 'true') {
    process.stderr.write(`skipped: ${reason}\n`)
    describe(name, () => {
      test.runIf(false)(reason, () => undefined)
    })
    return
  }
  const server = await startPostgres(options)
  const pools: Pool[] = []
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()))
    await server.stop()
  }, 60_000)
  describe(name, () => {
    body({
      server,
      pool(given = {}) {
        const pool = new Pool({ ...server.connection, ...given })
        pool.on('error', () => undefined)
        pools.push(pool)
        return pool
      },
    })
  })
}
