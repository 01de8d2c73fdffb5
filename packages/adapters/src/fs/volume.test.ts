import { execFileSync } from 'node:child_process'
import nodeFs, {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { bytesSource } from '@mediakeep/core'
import { createFsFromVolume, Volume } from 'memfs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from './calls.ts'
import { fsStore } from './index.ts'
import { fuseKindOf } from './network.ts'
import { makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

const body = bytesSource(Buffer.from('bytes'))
let folder: ReturnType<typeof makeRoot>

beforeEach(() => {
  folder = makeRoot()
})
afterEach(() => folder.remove())

async function openFails(options: Partial<Parameters<typeof fsStore>[0]> = {}): Promise<unknown> {
  const store = fsStore({ root: folder.root, ...options })
  try {
    await store.open()
    return undefined
  } catch (error) {
    return error
  } finally {
    await store.close()
  }
}

describe('open()', () => {
  test('makes a volume in a missing folder, with its parents', async () => {
    const root = join(folder.root, 'a', 'b')
    const store = fsStore({ root })
    await store.open()
    expect(readdirSync(root).sort()).toEqual(['mediakeep-volume.json', 'objects', 'staging'])
    expect(readdirSync(join(root, 'objects'))).toHaveLength(256)
    expect(JSON.parse(readFileSync(join(root, 'mediakeep-volume.json'), 'utf8'))).toEqual(
      await store.identity(),
    )
    await store.close()
  })

  test('makes a volume in an empty folder, also with what a fresh file system brings', async () => {
    mkdirSync(join(folder.root, 'lost+found'))
    expect(await openFails()).toBeUndefined()
  })

  test('opens the volume that another process makes while it looks', async () => {
    const other = fsStore({ root: folder.root })
    let isFirst = true
    const readdir: FsCalls['readdir'] = (path, done) => {
      const look = (): void => nodeFs.readdir(path, done)
      if (!isFirst) return look()
      isFirst = false
      other.put('early', body).then(look, look)
    }
    const store = fsStore({ root: folder.root, fs: { ...nodeFs, readdir } })
    await store.open()
    expect(await store.identity()).toEqual(await other.identity())
    await Promise.all([store.close(), other.close()])
  })

  test('makes whole what a crash while making the volume left', async () => {
    mkdirSync(join(folder.root, 'objects'))
    mkdirSync(join(folder.root, 'objects', '00'))
    mkdirSync(join(folder.root, 'staging'))
    writeFileSync(join(folder.root, '~0123-0'), '{')
    expect(await openFails()).toBeUndefined()
  })

  test('syncs the shards and the marker before anything is stored', async () => {
    const watched = watchFs()
    const store = fsStore({ root: folder.root, fs: watched.fs })
    await store.open()
    const at = (name: string, path: string): number => watched.trace.indexOf(`${name} ${path}`)
    expect(at('fsync', join(folder.root, 'objects'))).toBeGreaterThan(
      at('mkdir', join(folder.root, 'objects', 'ff')),
    )
    expect(at('link', join(folder.root, 'mediakeep-volume.json'))).toBeGreaterThan(
      at('fsync', join(folder.root, 'objects')),
    )
    const rootSyncs = watched.trace.flatMap((line, nth) => (line === `fsync ${folder.root}` ? [nth] : []))
    expect(rootSyncs[0]).toBeGreaterThan(at('mkdir', join(folder.root, 'staging')))
    expect(rootSyncs[0]).toBeLessThan(at('link', join(folder.root, 'mediakeep-volume.json')))
    expect(rootSyncs.at(-1)).toBeGreaterThan(at('link', join(folder.root, 'mediakeep-volume.json')))
    await store.close()
  })

  test('refuses a folder that holds other things and no marker', async () => {
    writeFileSync(join(folder.root, 'holiday.jpg'), 'x')
    expect(await openFails()).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
    expect(readdirSync(folder.root)).toEqual(['holiday.jpg'])
  })

  test('refuses a volume whose marker is gone but whose objects are there', async () => {
    const store = fsStore({ root: folder.root })
    await store.put('photo', body)
    await store.close()
    unlinkSync(join(folder.root, 'mediakeep-volume.json'))
    expect(await openFails()).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
  })

  test('refuses an empty folder with create: false, for disks that must be mounted', async () => {
    expect(await openFails({ create: false })).toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'volume-offline',
    })
    expect(readdirSync(folder.root)).toEqual([])
  })

  test('refuses a layout newer than it knows', async () => {
    await openFails()
    writeFileSync(join(folder.root, 'mediakeep-volume.json'), '{"id":"x","layout":2}')
    expect(await openFails()).toMatchObject({ code: 'MEDIA_UNSUPPORTED', reason: 'layout-newer' })
  })

  test.each(['', '{', '[]', '{"id":1,"layout":1}', '{"id":"x"}'])(
    'takes the marker %j for a volume that is offline',
    async (text) => {
      await openFails()
      writeFileSync(join(folder.root, 'mediakeep-volume.json'), text)
      expect(await openFails()).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
    },
  )

  test.each(['EACCES', 'EROFS', 'EPERM'])(
    '%s when it writes: not-writable, naming the folder',
    async (errno) => {
      await openFails()
      const watched = watchFs({
        fail: ({ name, args }) => (name === 'open' && Number(args[1]) & 0o100 ? errno : undefined),
      })
      const error = await openFails({ fs: watched.fs })
      expect(error).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'not-writable' })
      expect(String(error)).toContain(folder.root)
      expect(watched.openCount).toBe(0)
    },
  )

  test.each(['root', 'objects', 'staging', 'objects/7f'])(
    '2.11-13 refuses a link in place of %s',
    async (part) => {
      await openFails()
      const path = part === 'root' ? folder.root : join(folder.root, part)
      renameSync(path, `${folder.parent}/elsewhere`)
      symlinkSync(`${folder.parent}/elsewhere`, path)
      expect(await openFails()).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
    },
  )

  test.each([0x6969, 0xff534d42, -11317950])(
    'refuses a network file system (%d) unless allowed',
    async (type) => {
      const watched = watchFs()
      const fs: FsCalls = Object.create(watched.fs, {
        statfs: {
          value: (_: string, done: (error: null, value: object) => void) =>
            done(null, { type, bsize: 1, blocks: 1, bavail: 1 }),
        },
      })
      expect(await openFails({ fs })).toMatchObject({
        code: 'MEDIA_UNSUPPORTED',
        reason: 'network-file-system',
      })
      expect(await openFails({ fs, allowNetwork: true })).toBeUndefined()
    },
  )

  test('tries again after a failure: a disk may be mounted late', async () => {
    writeFileSync(join(folder.root, 'other'), '')
    const store = fsStore({ root: folder.root })
    await expect(store.put('photo', body)).rejects.toMatchObject({ reason: 'volume-offline' })
    unlinkSync(join(folder.root, 'other'))
    await store.put('photo', body)
    await store.close()
  })
})

test('fuseKindOf() reads from the mount table what is behind FUSE', () => {
  const table = [
    '22 1 254:0 / / rw - ext4 /dev/vda rw',
    '40 22 0:40 / /mnt/far\\040away rw - fuse.sshfs user@host: rw',
    '41 22 0:41 / /mnt/disk rw - fuse.mergerfs a rw',
  ].join('\n')
  expect(fuseKindOf(table, '/mnt/far away/media')).toBe('fuse.sshfs')
  expect(fuseKindOf(table, '/mnt/disk/media')).toBeUndefined()
  expect(fuseKindOf(table, '/srv')).toBeUndefined()
})

describe('identity()', () => {
  test('reads the marker each time: a disk that went away is offline, not empty', async () => {
    const store = fsStore({ root: folder.root })
    await store.put('photo', body)
    const identity = await store.identity()
    renameSync(folder.root, `${folder.root}-away`)
    await expect(store.identity()).rejects.toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'volume-offline',
    })
    for (const act of [
      () => store.head('none'),
      () => store.get('none'),
      () => store.openFile('none'),
      () => store.delete('none'),
      () => store.list(),
      () => store.put('photo', body),
    ]) {
      await expect(act()).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' })
    }
    renameSync(`${folder.root}-away`, folder.root)
    expect(await store.identity()).toEqual(identity)
    await store.close()
  })

  test('two stores that make one volume at once agree on its id', async () => {
    const stores = Array.from({ length: 4 }, () => fsStore({ root: folder.root }))
    await Promise.all(stores.map((store) => store.open()))
    const ids = await Promise.all(stores.map(async (store) => (await store.identity()).id))
    expect(new Set(ids).size).toBe(1)
    await Promise.all(stores.map((store) => store.close()))
  })
})

test('room() and staging do without statfs where the file system has none', async () => {
  const fs: FsCalls = Object.create(createFsFromVolume(new Volume()), { statfs: { value: undefined } })
  const store = fsStore({ root: '/srv/media', fs })
  expect(await store.room()).toBeUndefined()
  const writer = await store.staging.create({ name: 'session', sizeBytes: 10 })
  await writer.abort()
  await store.close()
})

describe('a full disk of 2 MiB', () => {
  const mounted = mountSmall()
  test.skipIf(typeof mounted === 'string')(
    `${typeof mounted === 'string' ? `(skipped: ${mounted}) ` : ''}put() is MEDIA_NO_SPACE at any fill, leaves nothing, and reads go on`,
    async () => {
      if (typeof mounted === 'string') return
      try {
        const store = fsStore({ root: mounted.root, stagingHeadRoomBytes: 0 })
        await store.put('kept', bytesSource(Buffer.alloc(100_000, 'k')))
        const before = (await store.room())?.freeBytes
        for (let sizeBytes = 1_500_000; sizeBytes < 3_000_000; sizeBytes += 123_457) {
          const outcome = await store
            .put('large', bytesSource(Buffer.alloc(sizeBytes)))
            .catch((error: unknown) => error)
          if (outcome instanceof Error)
            expect(outcome).toMatchObject({ code: 'MEDIA_NO_SPACE', reason: 'disk-full' })
          await store.delete('large')
          expect((await store.room())?.freeBytes).toBe(before)
          expect((await store.head('kept'))?.sizeBytes).toBe(100_000)
        }
        await expect(store.staging.create({ name: 'session', sizeBytes: 4_000_000 })).rejects.toMatchObject({
          code: 'MEDIA_NO_SPACE',
        })
        expect(store.staging.usedBytes).toBe(0)
        await store.close()
      } finally {
        mounted.remove()
      }
    },
  )
})

function mountSmall(): { readonly root: string; remove(): void } | string {
  const { root, remove } = makeRoot()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,nr_inodes=2000', 'tmpfs', root], { stdio: 'pipe' })
  } catch {
    remove()
    return 'this user may not mount a file system'
  }
  return {
    root,
    remove() {
      execFileSync('umount', [root])
      rmSync(root, { recursive: true })
      remove()
    },
  }
}
