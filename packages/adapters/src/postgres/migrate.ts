import { setTimeout as sleep } from 'node:timers/promises'
import { MediaError } from '@mediakeep/core'
import { acquire, type ConnectOptions } from './connection/connect.ts'
import type { PostgresClient, PostgresPool } from './connection/pool.ts'
import { inSchema, quoteSchema } from './database.ts'
import { catalogError, isServerError } from './errors.ts'
import { MIGRATIONS } from './schema.ts'

/**
 * What hosts that open a new database at once tell each other: unique_violation in the server's own tables,
 * duplicate_schema, duplicate_table, duplicate_object, serialization_failure, deadlock_detected, and "tuple concurrently updated".
 */
const MET_ANOTHER: ReadonlySet<string> = new Set([
  '23505',
  '42P06',
  '42P07',
  '42710',
  '40001',
  '40P01',
  'XX000',
])
const MAX_ATTEMPTS = 20
const WAIT_MS = 50

/**
 * Brings the schema forward, one transaction per version. Hosts that open one schema at once wait for each other at the
 * row of its lock, and read the version again under it. One that is up to date is only read.
 * @returns the version the schema has now.
 * @throws MediaError MEDIA_UNSUPPORTED `layout-newer`; nothing is changed then.
 */
export async function migrate(
  pool: PostgresPool,
  schema: string,
  options: ConnectOptions,
  migrations: readonly string[] = MIGRATIONS,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(pool, options, (client) => migrateOnce(client, schema, migrations))
    } catch (error) {
      const met = isServerError(error) && MET_ANOTHER.has(error.code)
      if (!met || attempt >= MAX_ATTEMPTS) throw catalogError('open the catalog', error)
    }
    await sleep(Math.random() * WAIT_MS)
  }
}

/**
 * What opening would find; changes nothing.
 * @throws MediaError MEDIA_UNSUPPORTED `layout-newer`
 */
export async function lookAtSchema(
  pool: PostgresPool,
  schema: string,
  options: ConnectOptions,
): Promise<'missing' | 'older' | 'ready'> {
  try {
    const version = await withClient(pool, options, (client) => versionOf(client, schema))
    refuseNewer(version ?? 0, MIGRATIONS.length)
    if (version === undefined) return 'missing'
    return version === MIGRATIONS.length ? 'ready' : 'older'
  } catch (error) {
    throw catalogError('look at the catalog', error)
  }
}

/** The schema with all that is in it. */
export async function dropSchema(pool: PostgresPool, schema: string, options: ConnectOptions): Promise<void> {
  try {
    await withClient(pool, options, (client) =>
      client.query(`DROP SCHEMA IF EXISTS ${quoteSchema(schema)} CASCADE`),
    )
  } catch (error) {
    throw catalogError('drop a schema', error)
  }
}

async function withClient<T>(
  pool: PostgresPool,
  options: ConnectOptions,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const client = await acquire(pool, options)
  const ignore = (): void => undefined
  client.on('error', ignore)
  let failed = true
  try {
    const result = await work(client)
    failed = false
    return result
  } finally {
    // The server undoes a transaction whose connection ends.
    client.release(failed)
    client.removeListener('error', ignore)
  }
}

async function migrateOnce(
  client: PostgresClient,
  schema: string,
  migrations: readonly string[],
): Promise<number> {
  const run = (text: string): Promise<unknown> => client.query(inSchema(schema, text))
  const found = await versionOf(client, schema)
  refuseNewer(found ?? 0, migrations.length)
  if (found === migrations.length) return found
  if (found === undefined) {
    await run(`CREATE SCHEMA IF NOT EXISTS ${quoteSchema(schema)}`)
    await run(
      `CREATE TABLE IF NOT EXISTS @schema_version(version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL);
       INSERT INTO @schema_version(version, applied_at) VALUES (0, 0) ON CONFLICT DO NOTHING`,
    )
  }
  for (;;) {
    // The row of version 0 is the lock.
    await run('BEGIN; SELECT version FROM @schema_version WHERE version = 0 FOR UPDATE')
    const version = (await versionOf(client, schema)) ?? 0
    refuseNewer(version, migrations.length)
    const next = migrations[version]
    if (next !== undefined) {
      await run(next)
      await run(
        `INSERT INTO @schema_version(version, applied_at)
         VALUES (${version + 1}, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)`,
      )
    }
    await run('COMMIT')
    if (version + 1 >= migrations.length) return migrations.length
  }
}

/** `undefined` where there is no schema, or one of somebody else without versions. */
async function versionOf(client: PostgresClient, schema: string): Promise<number | undefined> {
  const table = inSchema(schema, '@schema_version')
  const known = await client.query(`SELECT to_regclass('${table.replaceAll("'", "''")}')::text AS value`)
  if (valueOf(known) === null) return undefined
  return Number(valueOf(await client.query(`SELECT max(version)::text AS value FROM ${table}`)) ?? 0)
}

function valueOf(result: unknown): string | null {
  const { rows } = result as { readonly rows: readonly { readonly value: string | null }[] }
  return rows[0]?.value ?? null
}

function refuseNewer(version: number, known: number): void {
  if (version <= known) return
  throw new MediaError(
    'MEDIA_UNSUPPORTED',
    `postgres: the catalog has schema version ${version}, this release knows ${known}; update Mediakeep. Nothing was changed`,
    { reason: 'layout-newer' },
  )
}
