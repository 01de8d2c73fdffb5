import { expect, test, vi } from 'vitest'
import { lookAtPostgresCatalog, postgresCatalog, withScratchCatalog } from './index.ts'
import { sessionInput, VOLUME } from './testing/put.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

test('a connection string without the package pg says what to install', async () => {
  vi.doMock('pg', () => {
    throw Object.assign(new Error("Cannot find package 'pg'"), { code: 'ERR_MODULE_NOT_FOUND' })
  })
  try {
    await expect(postgresCatalog({ connectionString: 'postgres://h/d' }).open()).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'no-pg',
      message: expect.stringContaining('npm install pg') as string,
    })
  } finally {
    vi.doUnmock('pg')
  }
})

await describeOnPostgres('looks at a database', (on) => {
  const pool = on.pool()
  const schemas = async (): Promise<readonly string[]> => {
    const { rows } = await pool.query<{ nspname: string }>(
      "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'mediakeep%'",
    )
    return rows.map(({ nspname }) => nspname)
  }

  test('a look tells what is there and makes nothing', async () => {
    expect(await lookAtPostgresCatalog({ pool })).toBe('missing')
    expect(await schemas()).toEqual([])
    const catalog = postgresCatalog({ pool })
    await catalog.open()
    await catalog.close()
    expect(await lookAtPostgresCatalog({ pool })).toBe('ready')
    await pool.query(
      'DELETE FROM mediakeep.schema_version WHERE version = (SELECT max(version) FROM mediakeep.schema_version)',
    )
    expect(await lookAtPostgresCatalog({ pool })).toBe('older')
    await pool.query('INSERT INTO mediakeep.schema_version VALUES (99, 0)')
    await expect(lookAtPostgresCatalog({ pool })).rejects.toMatchObject({ reason: 'layout-newer' })
    await pool.query('DROP SCHEMA mediakeep CASCADE')
  })

  test('a scratch catalog is gone afterwards, also when the work on it failed', async () => {
    const seen = await withScratchCatalog({ pool }, async (catalog) => {
      await catalog.open()
      await catalog.registerVolume(VOLUME)
      await catalog.beginSession(sessionInput())
      expect(await schemas()).toHaveLength(1)
      return catalog.listVolumes()
    })
    expect(seen).toEqual([VOLUME])
    expect(await schemas()).toEqual([])
    await expect(
      withScratchCatalog({ pool }, async (catalog) => {
        await catalog.open()
        throw new Error('stopped')
      }),
    ).rejects.toThrow('stopped')
    expect(await schemas()).toEqual([])
  })
})
