import { MediaError } from '@mediakeep/core'
import type { SqliteConnection } from './driver.ts'
import { MIGRATIONS, type Migration } from './schema.ts'

/**
 * Brings the schema forward, one transaction per version. Processes that open one file at once wait for each other:
 * the version is read again under the write lock.
 * @returns the version the file has now.
 * @throws MediaError MEDIA_UNSUPPORTED `layout-newer`; the file is not changed then.
 */
export function migrate(connection: SqliteConnection, migrations: readonly Migration[] = MIGRATIONS): number {
  // Looked at before anything is written, the journal mode included.
  const found = versionOf(connection)
  refuseNewer(found, migrations.length)
  connection.exec('PRAGMA journal_mode = WAL')
  if (found === migrations.length) return found
  while (!migrateOne(connection, migrations)) continue
  // What was migrated leaves the log, without waiting for anybody: its room is that of the next writes.
  connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
  return migrations.length
}

/** @returns whether the schema is of the last version now. */
function migrateOne(connection: SqliteConnection, migrations: readonly Migration[]): boolean {
  connection.exec('BEGIN IMMEDIATE')
  try {
    connection.exec(
      'CREATE TABLE IF NOT EXISTS schema_version(version INTEGER NOT NULL PRIMARY KEY, appliedAt INTEGER NOT NULL)',
    )
    const version = versionOf(connection)
    refuseNewer(version, migrations.length)
    const next = migrations[version]
    if (next !== undefined) {
      if (typeof next === 'string') connection.exec(next)
      else next(connection)
      connection
        .prepare('INSERT INTO schema_version(version, appliedAt) VALUES (?, ?)')
        .run(version + 1, Date.now())
    }
    connection.exec('COMMIT')
    return version + 1 >= migrations.length
  } catch (error) {
    rollBack(connection)
    throw error
  }
}

/** A failed COMMIT may have rolled back already: then there is nothing to do, and the first error is the one to tell. */
export function rollBack(connection: SqliteConnection): void {
  try {
    connection.exec('ROLLBACK')
  } catch {
    // no transaction is active
  }
}

function versionOf(connection: SqliteConnection): number {
  const known = connection
    .prepare<{ readonly found: number }>(
      "SELECT count(*) AS found FROM sqlite_schema WHERE name = 'schema_version'",
    )
    .get()
  if (known === undefined || known.found === 0) return 0
  const row = connection
    .prepare<{ readonly version: number | null }>('SELECT max(version) AS version FROM schema_version')
    .get()
  return row?.version ?? 0
}

function refuseNewer(version: number, known: number): void {
  if (version <= known) return
  throw new MediaError(
    'MEDIA_UNSUPPORTED',
    `sqlite: the catalog has schema version ${version}, this release knows ${known}; update Mediakeep. The file was not changed`,
    { reason: 'layout-newer' },
  )
}
