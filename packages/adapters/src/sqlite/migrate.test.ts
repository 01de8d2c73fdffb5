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

test('a catalog of version 3 is brought forward: what was leaving goes, and what is not ours is known', async () => {
  const connection = open()
  expect(migrate(connection, MIGRATIONS.slice(0, 3))).toBe(3)
  connection.exec(`INSERT INTO volumes(id, tier, layout) VALUES ('near', 'disk', 1), ('far', 'cold', 1);
    INSERT INTO blobs(id, domain, sizeBytes, state) VALUES ('b', '', 5, 'live');
    INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, etag, leftAt) VALUES
      ('p', 'b', 'near', 'k/p', 'live', 1, 5, NULL, NULL), ('left', 'b', 'near', 'k/left', 'leaving', 1, 5, NULL, 1),
      ('x', 'b', 'far', 'theirs', 'live', 0, 5, 'tag', NULL);
    INSERT INTO media VALUES ('n', 'm', 'key', 'ann', 'private', 1, 1, 0, 0, '[]', '[]', '{}');
    INSERT INTO contents VALUES ('m', 1, 'b', 'image/png', 'f', '{}', 'active', 0);
    INSERT INTO ledger VALUES ('2026-01-01', 'far', 'get', 'read', 2, 10);
    INSERT INTO moves VALUES ('old', 'p', 'far', 'copy', 1)`)
  connection.close()
  const catalog = sqliteCatalog({ file })
  await catalog.open()
  try {
    const claimed = await catalog.claimGarbage({ graceMs: 0, limit: 10, volumeIds: ['near'] })
    expect(claimed.map(({ id }) => id)).toEqual(['left'])
    const { objects } = await catalog.listExternal('far', { limit: 10 })
    expect(objects).toEqual([{ key: 'theirs', etag: 'tag', sizeBytes: 5, placementId: 'x', blobId: 'b' }])
    expect(await catalog.listMoves({ limit: 10 })).toEqual({ moves: [] })
    await catalog.planMoves([{ id: 'new', blobId: 'b', toVolumeId: 'far', cause: 'demote', rank: 0 }])
    const moves = await catalog.claimMoves({ volumeIds: ['near', 'far'], limit: 10, leaseMs: 1_000 })
    expect(moves.map(({ id }) => id)).toEqual(['new'])
    expect(await catalog.ledger({ fromDay: '2026-01-01', toDay: '2026-01-01' })).toEqual([
      { day: '2026-01-01', volumeId: 'far', class: 'get', cause: 'read', calls: 2, bytes: 10 },
    ])
    expect((await catalog.get('n', { key: 'key' }))?.content.placements).toHaveLength(2)
  } finally {
    await catalog.close()
  }
})

test('a catalog of version 4 is brought forward: sessions are those of puts, what is pending waits for a verdict', async () => {
  const connection = open()
  expect(migrate(connection, MIGRATIONS.slice(0, 4))).toBe(4)
  connection.exec(`INSERT INTO blobs(id, domain, digest, sizeBytes, state) VALUES ('b', '', x'${'ab'.repeat(32)}', 5, 'live');
    INSERT INTO media VALUES ('n', 'm', 'key', 'ann', 'private', 1, 1, 0, 0, '[]', '[]', '{}');
    INSERT INTO contents VALUES ('m', 1, 'b', 'image/png', 'f', '{}', 'pending', 0);
    INSERT INTO sessions VALUES ('s', 'n', 'ann', NULL, 7, ${Date.now() + 60_000}, 3, 'live', NULL, '{}')`)
  connection.close()
  const catalog = sqliteCatalog({ file })
  await catalog.open()
  try {
    expect(await catalog.getSession('s')).toBeUndefined()
    expect(await catalog.isSessionLive('s')).toBe(true)
    expect(await catalog.extendSession({ id: 's', fence: 7 }, {})).toMatchObject({ offsetBytes: 3 })
    const { blobs } = await catalog.listUnscanned({ which: 'pending', limit: 10 })
    expect(blobs.map(({ blobId }) => blobId)).toEqual(['b'])
    const verdict = { verdict: 'clean', engine: 'e', database: '1' } as const
    const contents = { from: ['pending'], to: 'active', limit: 10 } as const
    const { records } = await catalog.settleVerdict('b', verdict, contents)
    expect(records.map(({ id, content }) => [id, content.state])).toEqual([['m', 'active']])
  } finally {
    await catalog.close()
  }
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
