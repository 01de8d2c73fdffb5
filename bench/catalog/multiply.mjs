import { createRequire } from 'node:module'
import { join } from 'node:path'

const adapters = join(import.meta.dirname, '../../packages/adapters/package.json')

async function openDatabase(file) {
  try {
    const Database = createRequire(adapters)('better-sqlite3')
    return new Database(file)
  } catch {
    const { DatabaseSync } = await import('node:sqlite')
    return new DatabaseSync(file)
  }
}

/** Ids of which each copy gets its own; they begin with 48 bits of milliseconds. */
const OWN_IDS = new Set(['id', 'mediaId', 'blobId'])
const TABLES = {
  blobs: '1',
  placements: '1',
  media: `owner <> 'hermit'`,
  contents: `mediaId NOT IN (SELECT id FROM media WHERE owner = 'hermit')`,
  terms: `mediaId NOT IN (SELECT id FROM media WHERE owner = 'hermit')`,
}

/**
 * Makes a catalog `times` as large: every record again with ids and times of its own, but for the owner that has one.
 * By SQL, because a million puts take minutes. The sums of `owner_totals` and `volume_totals` stay those of the first
 * records: lists do not read them.
 */
export async function multiplyRecords(file, times, spanMs) {
  const database = await openDatabase(file)
  try {
    database.function('later', { deterministic: true }, (id, byMs) => {
      const copy = Buffer.from(id)
      copy.writeUIntBE(copy.readUIntBE(0, 6) + Number(byMs), 0, 6)
      return copy
    })
    database.function('other', { deterministic: true }, (digest, by) => {
      const copy = Buffer.from(digest)
      copy.writeUInt32BE((copy.readUInt32BE(0) ^ (Number(by) * 2_654_435_761)) >>> 0, 0)
      return copy
    })
    database.exec(
      'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1500000; PRAGMA temp_store = MEMORY',
    )
    database.exec('BEGIN')
    const indexes = database
      .prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'`)
      .all()
    for (const { name } of indexes) database.exec(`DROP INDEX ${name}`)
    for (const [table, where] of Object.entries(TABLES)) {
      const columns = database
        .prepare(`PRAGMA table_info(${table})`)
        .all()
        .map(({ name }) => name)
      const values = columns.map((column) => valueOf(table, column, spanMs))
      database.exec(`CREATE TEMP TABLE base AS SELECT * FROM ${table} WHERE ${where}`)
      for (let copy = 1; copy < times; copy++) {
        const shifted = values.map((value) => value.replaceAll(':copy', String(copy)))
        database.exec(`INSERT INTO ${table}(${columns.join(', ')}) SELECT ${shifted.join(', ')} FROM base`)
      }
      database.exec('DROP TABLE base')
    }
    for (const { sql } of indexes) database.exec(sql)
    database.exec('COMMIT')
    database.exec('PRAGMA journal_mode = WAL')
  } finally {
    database.close()
  }
}

function valueOf(table, column, spanMs) {
  if (OWN_IDS.has(column)) return `later(${column}, ${spanMs} * :copy)`
  if (column === 'digest') return 'other(digest, :copy)'
  if (table === 'placements' && column === 'key') return `key || '.' || :copy`
  if (column === 'createdAt' || column === 'updatedAt') return `${column} + ${spanMs} * :copy`
  return column
}
