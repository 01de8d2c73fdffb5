import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownerTagTerm } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadDriver, type SqliteDriver } from './driver.ts'
import { sqliteCatalog } from './index.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'

let folder: string
let file: string
let driver: SqliteDriver

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-sqlite-'))
  file = join(folder, 'catalog.db')
  driver = await loadDriver()
})
afterEach(() => rm(folder, { recursive: true }))

const open = () => driver.open(file, { readOnly: false, busyMs: 5_000 })

test('an older schema is brought forward and keeps its rows', () => {
  const connection = open()
  const older = ['CREATE TABLE a(x INTEGER)']
  expect(migrate(connection, older)).toBe(1)
  connection.exec('INSERT INTO a VALUES (7)')
  expect(migrate(connection, [...older, 'ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 8'])).toBe(2)
  expect(connection.prepare('SELECT x, y FROM a').all()).toEqual([{ x: 7, y: 8 }])
  connection.close()
})

test('a catalog of version 1 is found by owner and tag after it was opened', async () => {
  const connection = open()
  expect(migrate(connection, MIGRATIONS.slice(0, 1))).toBe(1)
  const addMedia = connection.prepare(
    `INSERT INTO media VALUES (?, ?, NULL, ?, 'private', 1, 1, 0, 0, ?, '[]', '{}')`,
  )
  // More than one batch, in two namespaces, with a tag whose term is a digest.
  const long = 'x'.repeat(500)
  connection.exec('BEGIN')
  for (let at = 0; at < 2_100; at++)
    addMedia.run(
      at % 2 === 0 ? 'n' : 'm',
      Buffer.from([at >> 8, at & 255]),
      `o${at % 3}`,
      '["t","' + long + '"]',
    )
  addMedia.run('n', 'a text id', 'o0', '[]')
  connection.exec('COMMIT')
  expect(migrate(connection)).toBe(MIGRATIONS.length)
  const posted = connection.prepare<{ readonly found: number }>(
    'SELECT count(*) AS found FROM terms WHERE namespace = ? AND term = ?',
  )
  for (const tag of ['t', long])
    for (const namespace of ['n', 'm'])
      expect(posted.get(namespace, ownerTagTerm('o0', tag))).toEqual({ found: 350 })
  expect(connection.prepare('SELECT count(*) AS found FROM terms').get()).toEqual({ found: 4_200 })
  connection.close()
})

test('a migration that fails is undone whole, and the next open tries again', () => {
  const connection = open()
  const broken = ['CREATE TABLE a(x INTEGER)', 'CREATE TABLE b(x INTEGER); SELECT nonsense FROM nowhere']
  expect(() => migrate(connection, broken)).toThrow()
  const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b')").all()
  expect(tables).toEqual([{ name: 'a' }])
  expect(migrate(connection, ['CREATE TABLE a(x INTEGER)', 'CREATE TABLE b(x INTEGER)'])).toBe(2)
  connection.close()
})

test('a schema of a later version is refused, and the file is not changed', async () => {
  const connection = open()
  expect(migrate(connection)).toBe(MIGRATIONS.length)
  connection.exec('INSERT INTO schema_version VALUES (99, 0)')
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  connection.close()
  const before = await readFile(file)
  await expect(sqliteCatalog({ file }).open()).rejects.toMatchObject({
    code: 'MEDIA_UNSUPPORTED',
    reason: 'layout-newer',
  })
  expect((await readFile(file)).equals(before)).toBe(true)
})

test('catalogs that open a new file at once all open', async () => {
  const catalogs = Array.from({ length: 4 }, () => sqliteCatalog({ file }))
  await Promise.all(catalogs.map((catalog) => catalog.open()))
  await Promise.all(
    catalogs.map((catalog, at) => catalog.registerVolume({ id: `v${at}`, tier: 't', layout: 1 })),
  )
  expect(await catalogs[0]?.listVolumes()).toHaveLength(4)
  await Promise.all(catalogs.map((catalog) => catalog.close()))
})
