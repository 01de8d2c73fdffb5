import { expect, test } from 'vitest'
import { postgresCatalog } from './index.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'
import { VOLUME } from './testing/put.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

const waits = { acquireTimeoutMs: 5_000, answerTimeoutMs: 5_000 }

await describeOnPostgres('postgres catalog, its schema', (on) => {
  const pool = on.pool({ max: 20 })
  const valueOf = async (text: string): Promise<unknown> =>
    Object.values((await pool.query<Record<string, unknown>>(text)).rows[0] ?? {})[0]

  test('hosts that open a new schema at once all open it, and make it once', async () => {
    const catalogs = Array.from({ length: 8 }, () => postgresCatalog({ pool, schema: 'at_once' }))
    await Promise.all(catalogs.map((catalog) => catalog.open()))
    await Promise.all(catalogs.map((catalog, at) => catalog.registerVolume({ ...VOLUME, id: `v${at}` })))
    expect(await catalogs[0]?.listVolumes()).toHaveLength(8)
    await Promise.all(catalogs.map((catalog) => catalog.close()))
    expect(await valueOf('SELECT count(*)::int FROM at_once.schema_version WHERE version > 0')).toBe(
      MIGRATIONS.length,
    )
  })

  test('an older schema is brought forward and keeps its rows', async () => {
    const older = ['CREATE TABLE @a(x INT)']
    expect(await migrate(pool, 'older', waits, older)).toBe(1)
    await pool.query('INSERT INTO older.a VALUES (7)')
    const newer = [...older, 'ALTER TABLE @a ADD COLUMN y INT DEFAULT 8']
    const versions = await Promise.all(Array.from({ length: 4 }, () => migrate(pool, 'older', waits, newer)))
    expect(versions).toEqual([2, 2, 2, 2])
    expect((await pool.query('SELECT x, y FROM older.a')).rows).toEqual([{ x: 7, y: 8 }])
  })

  test('a schema of version 1 is brought forward: its sessions are those of puts, what is pending waits for a verdict', async () => {
    expect(await migrate(pool, 'first', waits, MIGRATIONS.slice(0, 1))).toBe(1)
    await pool.query(`SET search_path TO first;
      INSERT INTO blobs(id, domain, digest, size_bytes, state) VALUES ('b', '', '\\x${'ab'.repeat(32)}', 5, 'live');
      INSERT INTO media VALUES ('n', 'm', NULL, 'ann', 'private', 1, 1, 0, 0, '[]', '[]', '{}');
      INSERT INTO contents VALUES ('m', 1, 'b', 'image/png', 'f', '{}', 'pending', 0);
      INSERT INTO sessions VALUES ('s', 'n', 'ann', NULL, 7, ${Date.now() + 60_000}, 3, 'live', NULL, '{}')`)
    const catalog = postgresCatalog({ pool, schema: 'first' })
    await catalog.open()
    expect(await catalog.getSession('s')).toBeUndefined()
    expect(await catalog.extendSession({ id: 's', fence: 7 }, {})).toMatchObject({ offsetBytes: 3 })
    const { blobs } = await catalog.listUnscanned({ which: 'pending', limit: 10 })
    expect(blobs.map(({ blobId }) => blobId)).toEqual(['b'])
    await catalog.close()
  })

  test('a migration that fails is undone whole, and the next open tries again', async () => {
    const broken = ['CREATE TABLE @a(x INT)', 'CREATE TABLE @b(x INT); SELECT nonsense FROM nowhere']
    await expect(migrate(pool, 'broken', waits, broken)).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'catalog-failed',
    })
    expect(await valueOf("SELECT to_regclass('broken.a')::text")).toBe('broken.a')
    expect(await valueOf("SELECT to_regclass('broken.b')::text")).toBe(null)
    expect(await migrate(pool, 'broken', waits, ['CREATE TABLE @a(x INT)', 'CREATE TABLE @b(x INT)'])).toBe(2)
  })

  test('a schema of a later version is refused and not changed', async () => {
    const catalog = postgresCatalog({ pool, schema: 'later' })
    await catalog.open()
    await catalog.close()
    await pool.query('INSERT INTO later.schema_version VALUES (99, 0)')
    await expect(postgresCatalog({ pool, schema: 'later' }).open()).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'layout-newer',
    })
    expect(await valueOf('SELECT count(*)::int FROM later.schema_version')).toBe(MIGRATIONS.length + 2)
  })

  test('a user who may not create anything opens a schema that is up to date, and is told where it is not', async () => {
    await postgresCatalog({ pool, schema: 'given' }).open()
    await pool.query(`CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA given TO guest;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA given TO guest`)
    const guests = on.pool({ user: 'guest' })
    const catalog = postgresCatalog({ pool: guests, schema: 'given' })
    await catalog.open()
    await catalog.registerVolume(VOLUME)
    await catalog.close()
    await expect(postgresCatalog({ pool: guests, schema: 'not_given' }).open()).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'catalog-not-writable',
    })
  })

  test('a schema may have any name, and two in one database know nothing of each other', async () => {
    const names = ['Odd "name"; --', "it's"]
    const catalogs = names.map((schema) => postgresCatalog({ pool, schema }))
    await Promise.all(catalogs.map((catalog) => catalog.open()))
    await catalogs[0]?.registerVolume(VOLUME)
    expect(await catalogs[0]?.listVolumes()).toEqual([VOLUME])
    expect(await catalogs[1]?.listVolumes()).toEqual([])
    await Promise.all(catalogs.map((catalog) => catalog.close()))
  })
})
