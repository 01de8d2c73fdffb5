import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noteElsewhere, putSqliteAside } from './catalog-of-folder.ts'
import { openMediaStore } from './open-media-store.ts'

/** Nobody listens there: whoever asks it learns so. */
const databaseUrl = 'postgres://bob:s3cret@127.0.0.1:1/x'
const twoCatalogs = { code: 'MEDIA_CONFLICT', reason: 'two-catalogs' }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-catalog-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function useSqlite(): Promise<void> {
  const store = await openMediaStore(folder)
  await store.put(Buffer.from('x'), { at: { key: 'old' } })
  await store.close()
}

describe('the catalog of a folder', () => {
  it('is never a database beside the records in SQLite, until they are brought over', async () => {
    await useSqlite()
    await expect(openMediaStore(folder, { databaseUrl })).rejects.toMatchObject(twoCatalogs)
    await expect(openMediaStore(folder, { databaseUrl, bringsOver: true })).rejects.toMatchObject({
      reason: 'catalog-unreachable',
    })
    const store = await openMediaStore(folder)
    expect((await store.stat({ key: 'old' }))?.key).toBe('old')
    await store.close()
  })

  it('is never SQLite where the records are in a database', async () => {
    await noteElsewhere(folder)
    await expect(openMediaStore(folder)).rejects.toMatchObject(twoCatalogs)
    expect((await readdir(folder)).includes('catalog.sqlite')).toBe(false)
  })

  it('is free again while the database has never been opened', async () => {
    await expect(openMediaStore(folder, { databaseUrl })).rejects.toMatchObject({
      reason: 'catalog-unreachable',
    })
    await useSqlite()
  })

  it('is put aside whole, and nothing is where there is none', async () => {
    expect(await putSqliteAside(folder)).toBeUndefined()
    await useSqlite()
    expect(await putSqliteAside(folder)).toBe('catalog.sqlite.before-postgres')
    expect((await readdir(folder)).filter((name) => /^catalog\.sqlite(-|$)/.test(name))).toEqual([])
  })
})
