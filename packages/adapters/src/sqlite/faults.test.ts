import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMediaError, newId } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadDriver } from './driver.ts'
import { checkFile } from './file-checks.ts'
import { sqliteCatalog } from './index.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-sqlite-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a file that is no database is MEDIA_CORRUPT', async () => {
  const file = join(folder, 'catalog.db')
  await writeFile(file, Buffer.alloc(8192, 'not a database '))
  await expect(sqliteCatalog({ file }).open()).rejects.toMatchObject({
    code: 'MEDIA_CORRUPT',
    reason: 'catalog-corrupt',
  })
})

test('a folder in place of the file is named at open', async () => {
  const file = join(folder, 'catalog.db')
  await mkdir(file)
  await expect(sqliteCatalog({ file }).open()).rejects.toMatchObject({ reason: 'catalog-not-writable' })
})

test('ping() tells of a file that was removed, or replaced, while it is open', async () => {
  const file = join(folder, 'catalog.db')
  const catalog = sqliteCatalog({ file })
  await catalog.open()
  await catalog.ping()
  await rm(file)
  const told = { code: 'MEDIA_UNAVAILABLE', reason: 'catalog-replaced' }
  await expect(catalog.ping()).rejects.toMatchObject(told)
  await writeFile(file, '')
  await expect(catalog.ping()).rejects.toMatchObject(told)
  await catalog.close()
})

/** Root may write anywhere: for the time of `work` this process is nobody in particular. */
async function withoutPrivileges(work: () => Promise<void>): Promise<void> {
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

test('a folder without leave to write is named at open', async () => {
  await chmod(folder, 0o555)
  await withoutPrivileges(async () => {
    await expect(sqliteCatalog({ file: join(folder, 'catalog.db') }).open()).rejects.toMatchObject({
      reason: 'catalog-not-writable',
    })
  })
  await chmod(folder, 0o700)
})

test.runIf(process.platform === 'linux')('a folder that cannot be made is named at open', async () => {
  await expect(sqliteCatalog({ file: '/proc/mediakeep/catalogs/catalog.db' }).open()).rejects.toMatchObject({
    reason: 'catalog-not-writable',
  })
})

test('a network file system is refused by name', async () => {
  const onNfs = { fileSystemType: async () => 0x6969 }
  await expect(checkFile(join(folder, 'catalog.db'), onNfs)).rejects.toMatchObject({
    code: 'MEDIA_UNSUPPORTED',
    reason: 'network-file-system',
  })
  await checkFile(join(folder, 'catalog.db'))
})

const hasNodeSqlite = process.getBuiltinModule('node:sqlite') !== undefined
if (!hasNodeSqlite) {
  test('a driver that is not there is MEDIA_UNSUPPORTED with the next step', async () => {
    await expect(loadDriver('node:sqlite')).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'no-sqlite-driver',
      message: expect.stringContaining('Node 22.13'),
    })
  })
}

test('calls before open and after close are MEDIA_CLOSED', async () => {
  const catalog = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  await catalog.open()
  await catalog.close()
  await catalog.close()
  await expect(catalog.get('n', newId())).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  await expect(catalog.ping()).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
})

test('close() answers the calls under way first', async () => {
  const catalog = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await catalog.open()
  const calls = Array.from({ length: 20 }, (_, at) =>
    catalog.registerVolume({ id: `v${at}`, tier: 't', layout: 1 }),
  )
  await catalog.close()
  await Promise.all(calls)
  const again = sqliteCatalog({ file: join(folder, 'catalog.db') })
  await again.open()
  expect(await again.listVolumes()).toHaveLength(20)
  await again.close()
})

/** A file system of 2 MiB; false where this user may not mount one. */
function mountSmallDisk(at: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', at], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a full disk is MEDIA_NO_SPACE, reads go on, and writes too once there is room', async ({ skip }) => {
  const disk = join(folder, 'disk')
  await mkdir(disk)
  if (!mountSmallDisk(disk)) skip('mounting a small tmpfs needs root')
  try {
    const ballast = join(disk, 'ballast')
    const catalog = sqliteCatalog({ file: join(disk, 'catalog.db') })
    await catalog.open()
    await catalog.registerVolume({ id: 'v', tier: 't', layout: 1 })
    await writeFile(ballast, Buffer.alloc(900 * 1024))
    let failure: unknown
    for (let at = 0; at < 2_000 && failure === undefined; at++)
      await catalog
        .registerVolume({ id: `${at} ${'x'.repeat(4_000)}`, tier: 't', layout: 1 })
        .catch((error: unknown) => {
          failure = error
        })
    expect(isMediaError(failure, 'MEDIA_NO_SPACE')).toBe(true)
    expect((await catalog.listVolumes()).some((volume) => volume.id === 'v')).toBe(true)
    await rm(ballast)
    await catalog.registerVolume({ id: 'w', tier: 't', layout: 1 })
    await catalog.close()
  } finally {
    execFileSync('umount', [disk])
  }
})
