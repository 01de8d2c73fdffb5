import { randomBytes } from 'node:crypto'
import nodeFs, { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesSource, createMediaStore, type MediaStore, memoryCatalog } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from './calls.ts'
import { type FsStore, fsStore } from './index.ts'
import { createReadNow } from './read-now.ts'
import { makeRoot } from './testing/volumes.ts'

const bytes = randomBytes(200_000)
/** Kernels tell times apart by some milliseconds: a write must not fall into those of the put. */
const LONG_AGO = 1_000_000_000
let folder: ReturnType<typeof makeRoot>
beforeEach(() => {
  folder = makeRoot()
})
afterEach(() => folder.remove())

describe('createReadNow()', () => {
  /** A disk that takes `lateMs` for each read, and a clock that sees it. */
  function slowDisk(lateMs: number, blocksPerRead: number) {
    const machine = { nowMs: 0, blocks: 0, reads: 0 }
    const raw: FsCalls = Object.assign(Object.create(nodeFs), {
      readSync(_fd: number, buffer: Uint8Array) {
        machine.reads += 1
        machine.nowMs += lateMs
        machine.blocks += blocksPerRead
        return buffer.byteLength
      },
    })
    const readNow = createReadNow(raw, { nowMs: () => machine.nowMs, blocksRead: () => machine.blocks })
    const readFor = (ms: number): void => {
      for (const endMs = machine.nowMs + ms; machine.nowMs < endMs; machine.nowMs += 1)
        readNow(0, new Uint8Array(1), 0)
    }
    return { machine, readFor }
  }

  test('waits for a slow disk 2 % of the time, after 10 ms and one read at the beginning', () => {
    const { machine, readFor } = slowDisk(8, 16)
    readFor(10_000)
    const waitedMs = machine.reads * 8
    expect(waitedMs).toBeGreaterThan(150)
    expect(waitedMs).toBeLessThanOrEqual(10_000 * 0.02 + 10 + 8)
  })

  test('counts a quarter of the time of late reads for which no disk was read', () => {
    const { machine, readFor } = slowDisk(8, 0)
    readFor(10_000)
    expect(machine.reads * 8).toBeGreaterThan(600)
    expect(machine.reads * 8).toBeLessThanOrEqual(4 * (10_000 * 0.02 + 10 + 8))
  })

  test('reads everything when reads come from memory', () => {
    const { machine, readFor } = slowDisk(0.01, 0)
    readFor(1_000)
    expect(machine.reads).toBeGreaterThan(980)
  })

  test('reads nothing where the file system has no such call, where it fails, or gives fewer bytes', () => {
    const without: FsCalls = { ...nodeFs }
    delete without.readSync
    expect(createReadNow(without)(0, new Uint8Array(1), 0)).toBe(false)
    expect(createReadNow(nodeFs)(-1, new Uint8Array(1), 0)).toBe(false)
    const short: FsCalls = { ...nodeFs, readSync: () => 1 }
    expect(createReadNow(short)(0, new Uint8Array(2), 0)).toBe(false)
  })
})

describe('readNow()', () => {
  let store: FsStore
  const key = `ab/${'ab'.repeat(32)}.01`
  const now = (position = 0, sizeBytes = 10): string | undefined =>
    store.readNow?.(key, Buffer.alloc(sizeBytes), position)

  beforeEach(async () => {
    store = fsStore({ root: folder.root, durability: 'none' })
    await store.put(key, bytesSource(bytes))
  })
  afterEach(() => store.close())

  test('gives the bytes and the stamp of a file that was opened before', async () => {
    expect(now()).toBeUndefined()
    const file = await store.openFile(key)
    const buffer = Buffer.alloc(4_096)
    expect(store.readNow?.(key, buffer, 70_000)).toBe(file?.stamp())
    expect(buffer.equals(bytes.subarray(70_000, 74_096))).toBe(true)
    await file?.close()
    expect(now()).toBeDefined()
  })

  test('gives nothing past the end, after a delete, nor after close', async () => {
    await (await store.openFile(key))?.close()
    expect(now(bytes.length - 9)).toBeUndefined()
    expect(now(bytes.length - 10)).toBeDefined()
    await store.delete(key)
    expect(now()).toBeUndefined()
    await store.close()
    expect(now()).toBeUndefined()
  })

  test.each(['written to', 'replaced', 'deleted'])('gives nothing of a file %s by others', async (act) => {
    const path = store.localPath(key)
    nodeFs.utimesSync(path, LONG_AGO, LONG_AGO)
    await (await store.openFile(key))?.close()
    expect(now()).toBeDefined()
    if (act === 'written to') writeFileSync(path, 'x', { flag: 'r+' })
    else if (act === 'deleted') renameSync(path, join(folder.parent, 'away'))
    else {
      writeFileSync(join(folder.parent, 'other'), bytes)
      renameSync(join(folder.parent, 'other'), path)
    }
    expect(now()).toBeUndefined()
  })

  test('is absent on a network file system, whose files may be waited for without end', async () => {
    await using allowed = fsStore({ root: folder.root, allowNetwork: true })
    expect(allowed.readNow).toBeUndefined()
  })
})

describe('small ranges of a store over files', () => {
  const range = { start: 70_000, endExclusive: 74_096 }
  const want = bytes.subarray(range.start, range.endExclusive)
  let reads: { now: number; opened: number }
  let objects: FsStore

  async function open(verifiedForMs?: number): Promise<MediaStore> {
    reads = { now: 0, opened: 0 }
    const real = fsStore({ root: folder.root, durability: 'none' })
    objects = {
      ...real,
      get openCount() {
        return real.openCount
      },
      openFile(name, call) {
        reads.opened += 1
        return real.openFile(name, call)
      },
      readNow(name, buffer, position) {
        reads.now += 1
        return real.readNow?.(name, buffer, position)
      },
      [Symbol.asyncDispose]: () => real.close(),
    }
    return createMediaStore({
      tiers: [{ name: 'disk', store: objects }],
      catalog: memoryCatalog(),
      policies: [{ match: '*', allowUnrecognised: true }],
      ...(verifiedForMs === undefined ? {} : { reads: { verifiedForMs } }),
    })
  }
  const read = async (store: MediaStore, id: string): Promise<Uint8Array> =>
    (await store.open(id, { range })).bytes({ maxBytes: 1e6 })

  test('are read at once when their chunks were verified, and verified first', async () => {
    await using store = await open()
    const { id } = await store.put(bytes)
    for (let turn = 0; turn < 3; turn++) expect(want.equals(await read(store, id))).toBe(true)
    expect(reads).toEqual({ now: 2, opened: 1 })
    const beside = await store.open(id, { range: { start: 0, endExclusive: 10 } })
    expect(bytes.subarray(0, 10).equals(await beside.bytes({ maxBytes: 10 }))).toBe(true)
    expect(reads).toEqual({ now: 2, opened: 2 })
    expect(objects.openCount).toBe(0)
  })

  test('are verified with every read where nothing may be remembered', async () => {
    await using store = await open(0)
    const { id } = await store.put(bytes)
    for (let turn = 0; turn < 3; turn++) expect(want.equals(await read(store, id))).toBe(true)
    expect(reads).toEqual({ now: 0, opened: 3 })
  })

  test('are never given from a file that was changed after they were verified', async () => {
    await using store = await open()
    const { id } = await store.put(bytes)
    const [object] = (await objects.list()).objects
    const path = objects.localPath(object?.key ?? '')
    nodeFs.utimesSync(path, LONG_AGO, LONG_AGO)
    await read(store, id)
    await read(store, id)
    const fd = nodeFs.openSync(path, 'r+')
    nodeFs.writeSync(fd, Buffer.from([(want[7] ?? 0) ^ 1]), 0, 1, range.start + 7)
    nodeFs.closeSync(fd)
    await expect(read(store, id)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
  })
})
