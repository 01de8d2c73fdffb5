import nodeFs from 'node:fs'
import { join } from 'node:path'
import type { Partials, PartialWriter, StagedBody } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from './calls.ts'
import { type FsStore, fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

const part = { name: 'session', part: 0 }
const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251))
let folder: ReturnType<typeof makeRoot>
beforeEach(async () => {
  folder = makeRoot()
  await using store = fsStore({ root: folder.root })
  await store.open()
})
afterEach(() => folder.remove())

function partialsOf(store: FsStore): Partials {
  const { partials } = store.staging
  if (partials === undefined) throw new Error('a store of files takes bodies in pieces')
  return partials
}

async function contentOf(store: FsStore, sizeBytes: number): Promise<Buffer | undefined> {
  const body: StagedBody | undefined = await partialsOf(store).find({ ...part, sizeBytes })
  return body && Buffer.concat(await body.open().toArray())
}

const refused = async (writer: PartialWriter): Promise<void> => {
  for (const late of [writer.sync(), writer.write(bytes, 0)])
    await expect(late).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'io-error' })
}

describe('a sync that failed', () => {
  for (const [what, failing] of [
    ['the file', 'fdatasync'],
    ['the folder', 'fsync'],
  ] as const)
    test(`of ${what}: the writer refuses for good, and what was never promised goes with its name`, async () => {
      let failures = 1 // the kernel tells of lost bytes once
      const { fs, trace } = watchFs({
        fail: ({ name }) => (name === failing && failures-- > 0 ? 'EIO' : undefined),
      })
      await using store = fsStore({ root: folder.root, fs: { ...fs, fsync: onceOpen(fs) } })
      await store.open()
      const writer = await partialsOf(store).open(part)
      await writer.write(bytes, 0)
      const syncs = await Promise.allSettled([writer.sync(), writer.sync()])
      expect(syncs.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      trace.length = 0
      await refused(writer)
      expect(trace).toEqual([])
      await writer.close()
      expect(filesOf(folder.root)).toEqual([])
      const next = await partialsOf(store).open(part)
      await next.write(bytes, 0)
      await next.sync()
      await next.close()
      expect(await contentOf(store, bytes.length)).toEqual(bytes)
    })

  /** The volume's own folders are synced when it opens, which is not to fail. */
  function onceOpen(fs: FsCalls): FsCalls['fsync'] {
    return (fd, done) => {
      const path = nodeFs.readlinkSync(`/proc/self/fd/${fd}`)
      if (path.endsWith('/staging')) fs.fsync(fd, done)
      else nodeFs.fsync(fd, done)
    }
  }

  test('leaves what was promised before it, and a new writer goes on from there', async () => {
    let fails = false
    const { fs } = watchFs({ fail: ({ name }) => (fails && name === 'fdatasync' ? 'EIO' : undefined) })
    await using store = fsStore({ root: folder.root, fs })
    const writer = await partialsOf(store).open(part)
    await writer.write(bytes.subarray(0, 400), 0)
    await writer.sync()
    await writer.write(bytes.subarray(400, 700), 400)
    fails = true
    await expect(writer.sync()).rejects.toMatchObject({ reason: 'io-error' })
    fails = false
    await refused(writer)
    await writer.close()
    const next = await partialsOf(store).open(part)
    await next.write(bytes.subarray(400), 400)
    await next.sync()
    await next.close()
    expect(await contentOf(store, bytes.length)).toEqual(bytes)
  })
})

describe('a disk that is full', () => {
  for (const [errno, expected] of [
    ['ENOSPC', { code: 'MEDIA_NO_SPACE', reason: 'disk-full' }],
    ['EDQUOT', { code: 'MEDIA_NO_SPACE', reason: 'disk-quota' }],
  ] as const)
    test(`${errno} at any byte: what came before it can be kept, and the same writer goes on when there is room`, async () => {
      for (const roomBytes of [0, 1, 399, 400, 401, 999]) {
        let leftBytes = roomBytes
        const fs: FsCalls = Object.assign(Object.create(nodeFs), {
          write: ((fd, buffer, offset, length, position, done) => {
            const fits = Math.min(length, leftBytes)
            leftBytes -= fits
            const error = Object.assign(new Error(errno), { code: errno, syscall: 'write' })
            if (fits === 0) setImmediate(() => done(error))
            else nodeFs.write(fd, buffer, offset, fits, position, done)
          }) satisfies FsCalls['write'],
        })
        await using store = fsStore({ root: folder.root, fs })
        await store.open()
        const writer = await partialsOf(store).open(part)
        const write = async (): Promise<void> => {
          for (let at = 0; at < bytes.length; at += 200) await writer.write(bytes.subarray(at, at + 200), at)
          await writer.sync()
        }
        await expect(write(), `room for ${roomBytes}`).rejects.toMatchObject(expected)
        await expect(writer.sync()).rejects.toMatchObject(expected)
        await expect(writer.write(bytes.subarray(roomBytes + 1), roomBytes + 1)).rejects.toMatchObject(
          expected,
        )
        expect(await writer.salvage?.()).toBe(roomBytes)
        expect(await contentOf(store, roomBytes)).toEqual(bytes.subarray(0, roomBytes))
        leftBytes = Number.POSITIVE_INFINITY
        await write()
        await writer.close()
        expect(await contentOf(store, bytes.length)).toEqual(bytes)
        await partialsOf(store).delete(part)
      }
    })

  test('is told before a byte is written: there must be room for what a part will have and has not yet', async () => {
    const room = { type: 0, bsize: 1, blocks: 10_000, bavail: 2_000 }
    const statfs: FsCalls['statfs'] = (_path, done) => done(null, room)
    const fs: FsCalls = Object.assign(Object.create(nodeFs), { statfs })
    await using store = fsStore({ root: folder.root, fs, stagingHeadRoomBytes: 500 })
    const sized = (sizeBytes: number) => partialsOf(store).open({ ...part, sizeBytes })
    const full = { code: 'MEDIA_NO_SPACE', reason: 'disk-full' }
    await expect(sized(1_501)).rejects.toMatchObject(full)
    expect(filesOf(folder.root)).toEqual([])
    const writer = await sized(1_500)
    await writer.write(bytes, 0)
    await writer.close()
    await (await sized(2_500)).close()
    await expect(sized(2_501)).rejects.toMatchObject(full)
    const other = await store.staging.create({ name: 'other', sizeBytes: 600 })
    await expect(sized(2_000), 'beside what is promised to others').rejects.toMatchObject(full)
    await other.abort()
    expect(store.openCount).toBe(0)
    await partialsOf(store).delete(part)
  })
})

describe('kill -9 between any two calls', () => {
  test('leaves every synced byte at its place, and nothing that a sweep does not remove', async () => {
    for (let at = 0, isOver = false; !isOver; at++) {
      const dead = dyingAfter(at)
      const store = fsStore({ root: folder.root, fs: dead.fs })
      let syncedBytes = 0
      let isFound = false
      const receiving = (async () => {
        await store.open()
        dead.arm()
        const writer = await partialsOf(store).open(part)
        await writer.write(bytes.subarray(0, 300), 0)
        await writer.sync()
        syncedBytes = 300
        await Promise.all([
          writer.write(bytes.subarray(600), 600),
          writer.write(bytes.subarray(300, 600), 300),
        ])
        await writer.sync()
        syncedBytes = 1_000
        await writer.close()
        await partialsOf(store).find({ ...part, sizeBytes: 1_000 })
        isFound = true
      })()
      await Promise.race([receiving, dead.died])
      isOver = isFound
      await using next = fsStore({ root: folder.root, sweepAfterMs: 0 })
      expect(await contentOf(next, syncedBytes).then((found) => found ?? Buffer.alloc(0))).toEqual(
        bytes.subarray(0, syncedBytes),
      )
      while (filesOf(folder.root).length > 0) await next.staging.sweep(() => false) // until they are old enough
      dead.bury()
    }
  })

  /** A process that makes so many calls after `arm`, and is never heard of again. */
  function dyingAfter(calls: number) {
    let left = Number.POSITIVE_INFINITY
    let die = (): void => {}
    const died = new Promise<void>((resolve) => {
      die = resolve
    })
    const fds = new Set<number>()
    const fs: FsCalls = new Proxy(nodeFs, {
      get(target, property): unknown {
        const member: unknown = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          const done = args.at(-1)
          if (property === 'closeSync' && typeof args[0] === 'number') fds.delete(args[0])
          if (typeof done !== 'function') return Reflect.apply(member, target, args)
          if (left-- <= 0) return die()
          const heard = (error: unknown, value: unknown): void => {
            if (property === 'open' && typeof value === 'number') fds.add(value)
            if (property === 'close' && typeof args[0] === 'number') fds.delete(args[0])
            Reflect.apply(done, undefined, [error, value])
          }
          return Reflect.apply(member, target, [...args.slice(0, -1), heard])
        }
      },
    })
    return {
      fs,
      died,
      arm() {
        left = calls
      },
      bury() {
        for (const fd of fds) nodeFs.closeSync(fd)
      },
    }
  }
})

test('a writer whose part another process took away never answers that it is durable, nor touches what stands there now', async () => {
  await using store = fsStore({ root: folder.root })
  const writer = await partialsOf(store).open(part)
  await writer.write(bytes, 0)
  const path = join(folder.root, 'staging', 'session~part-0')
  nodeFs.rmSync(path)
  nodeFs.writeFileSync(path, 'of the other')
  await expect(writer.sync()).rejects.toMatchObject({ reason: 'staging-ended' })
  await writer.close()
  expect(nodeFs.readFileSync(path, 'utf8')).toBe('of the other')
})
