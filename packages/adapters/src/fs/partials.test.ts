import nodeFs, { existsSync, linkSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Durability, Partials, PartialWriter } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from './calls.ts'
import { type FsStore, fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'
import { type WatchOptions, watchFs } from './testing/watched-fs.ts'

const placement = `cd/${'cd'.repeat(32)}.01`
const name = '0192f3a0-5b7e-7c31-9a51-2f6d1c0e8b44'
const part = { name, part: 0 }
const bytes = Buffer.from('0123456789abcdef')
const fileName = `${name}~part-0`
let folder: ReturnType<typeof makeRoot>
let path: string
beforeEach(() => {
  folder = makeRoot()
  path = join(folder.root, 'staging', fileName)
})
afterEach(() => folder.remove())

function partialsOf(store: FsStore): Partials {
  const { partials } = store.staging
  if (partials === undefined) throw new Error('a store of files takes bodies in pieces')
  return partials
}

async function written(store: FsStore, body: Uint8Array = bytes): Promise<PartialWriter> {
  const writer = await partialsOf(store).open(part)
  await writer.write(body, 0)
  return writer
}

function watched(options: WatchOptions = {}, durability: Durability = 'durable') {
  const calls = watchFs(options)
  const store = fsStore({ root: folder.root, fs: calls.fs, durability, sweepAfterMs: 0 })
  return { ...calls, calls, store }
}

describe('a part', () => {
  for (const [durability, steps] of [
    ['durable', ['write part', 'fdatasync part', 'fsync folder', 'fdatasync part']],
    ['file', ['write part', 'fdatasync part', 'fdatasync part']],
    ['none', ['write part']],
  ] as const)
    test(`${durability}: syncs its file, and the folder of its name once`, async () => {
      const { store, trace } = watched({}, durability)
      await store.open()
      trace.length = 0
      const writer = await written(store)
      await writer.sync()
      await writer.sync()
      const seen = trace.filter((line) => /^(write|fsync|fdatasync)/.test(line))
      expect(seen.map((line) => line.replace(path, 'part').replace(/\S+staging$/, 'folder'))).toEqual(steps)
      await writer.close()
      await store.close()
    })

  test('is found by another process on the folder, and taken over by a rename of exactly its bytes', async () => {
    const first = fsStore({ root: folder.root })
    const writer = await written(first, Buffer.concat([bytes, Buffer.from('never promised')]))
    await writer.sync()
    await writer.close()
    const { store, trace } = watched()
    const body = await partialsOf(store).find({ ...part, sizeBytes: bytes.length })
    expect(body?.path).toBe(path)
    await store.adopt(placement, body?.path ?? '')
    expect(trace).toContain(`ftruncate ${path}`)
    expect(trace.indexOf(`fdatasync ${path}`)).toBeGreaterThan(trace.indexOf(`ftruncate ${path}`))
    expect(trace).not.toContain(expect.stringMatching(/^copyFile/))
    expect(readFileSync(store.localPath(placement))).toEqual(bytes)
    expect(existsSync(path)).toBe(false)
    await Promise.all([first.close(), store.close()])
  })

  test('holds of bytes that were gathered for one place the later ones', async () => {
    const store = fsStore({ root: folder.root })
    const writer = await partialsOf(store).open(part)
    for (const [text, at] of [
      ['0000', 0],
      ['1111', 4],
      ['23', 1],
    ] as const)
      await writer.write(Buffer.from(text), at)
    await writer.sync()
    expect(readFileSync(path, 'utf8')).toBe('02301111')
    await writer.close()
    await store.close()
  })

  test('takes no more once it was taken over: an object never changes', async () => {
    const store = fsStore({ root: folder.root })
    const writer = await written(store)
    await writer.sync()
    await store.adopt(placement, path)
    await expect(writer.write(Buffer.from('X'), 0)).rejects.toMatchObject({ reason: 'staging-ended' })
    await writer.close()
    expect(readFileSync(store.localPath(placement))).toEqual(bytes)
    await store.close()
  })

  test('that another process removed or took over is never synced as if it had its name', async () => {
    const store = fsStore({ root: folder.root })
    const writer = await written(store)
    await writer.sync()
    rmSync(path)
    await expect(writer.sync()).rejects.toMatchObject({ reason: 'staging-ended' })
    await expect(writer.write(bytes, 0)).rejects.toMatchObject({ reason: 'staging-ended' })
    await store.close()
  })

  test('that was deleted and made anew is not what a body of the old one reads or discards', async () => {
    const store = fsStore({ root: folder.root })
    await (await written(store)).close()
    const old = await partialsOf(store).find({ ...part, sizeBytes: bytes.length })
    const kept = join(folder.root, 'staging', '~kept')
    linkSync(path, kept) // so that the new file is another one for certain
    await partialsOf(store).delete(part)
    await (await written(store, Buffer.from('other bytes, no fewer'))).close()
    await expect(old?.open().toArray()).rejects.toMatchObject({ reason: 'staging-ended' })
    await old?.discard()
    expect(readFileSync(path, 'utf8')).toBe('other bytes, no fewer')
    expect(() => old?.open()).toThrow(expect.objectContaining({ reason: 'staging-ended' }))
    rmSync(kept)
    await store.close()
  })

  test('is found on a volume that was made before there were parts', async () => {
    const store = fsStore({ root: folder.root })
    await store.open()
    expect(filesOf(folder.root)).toEqual([])
    expect(await partialsOf(store).find({ ...part, sizeBytes: 0 })).toBeUndefined()
    await (await written(store)).close()
    expect(filesOf(folder.root)).toEqual([`staging/${fileName}`])
    await store.close()
  })

  test('is swept by the name of its session, and its writer then takes no more', async () => {
    const store = fsStore({ root: folder.root, sweepAfterMs: 0 })
    const writer = await written(store)
    const asked: string[] = []
    expect(await store.staging.sweep((swept) => (asked.push(swept), true))).toBe(0)
    expect(asked).toEqual([name])
    expect(await store.staging.sweep(() => false)).toBe(1)
    expect(filesOf(folder.root)).toEqual([])
    await expect(writer.write(bytes, 0)).rejects.toMatchObject({ reason: 'staging-ended' })
    await writer.close()
    await store.close()
  })

  test('that is young stays when its session is not known', async () => {
    const store = fsStore({ root: folder.root })
    await (await written(store)).close()
    expect(await store.staging.sweep(() => false)).toBe(0)
    expect(filesOf(folder.root)).toHaveLength(1)
    await store.close()
  })
})

describe('what is planted', () => {
  test('a link is neither written through nor read', async () => {
    const secret = join(folder.parent, 'secret')
    writeFileSync(secret, 'secret')
    const store = fsStore({ root: folder.root })
    await store.open()
    symlinkSync(secret, path)
    await expect(partialsOf(store).open(part)).rejects.toMatchObject({ reason: 'not-a-file' })
    await expect(partialsOf(store).find({ ...part, sizeBytes: 6 })).rejects.toMatchObject({
      reason: 'not-a-file',
    })
    await partialsOf(store).delete(part)
    expect(readFileSync(secret, 'utf8')).toBe('secret')
    await store.close()
  })

  test('a link that is missing its file makes none', async () => {
    const store = fsStore({ root: folder.root })
    await store.open()
    symlinkSync(join(folder.parent, 'nothing'), path)
    await expect(partialsOf(store).open(part)).rejects.toMatchObject({ reason: 'not-a-file' })
    expect(existsSync(join(folder.parent, 'nothing'))).toBe(false)
    await store.close()
  })

  test('a second name of another file, as an adopt that was cut off leaves it, is not written to', async () => {
    const store = fsStore({ root: folder.root })
    await (await written(store)).close()
    linkSync(path, join(folder.root, 'objects', 'cd', placement.slice(3)))
    await expect(partialsOf(store).open(part)).rejects.toMatchObject({ reason: 'part-taken' })
    await expect(partialsOf(store).find({ ...part, sizeBytes: 3 })).rejects.toMatchObject({
      reason: 'part-taken',
    })
    await partialsOf(store).delete(part)
    expect(readFileSync(store.localPath(placement))).toEqual(bytes)
    await store.close()
  })

  for (const bad of ['', 'x'.repeat(101)])
    test(`the name ${JSON.stringify(bad.slice(0, 9))} is refused`, async () => {
      const store = fsStore({ root: folder.root })
      await expect(partialsOf(store).open({ name: bad, part: 0 })).rejects.toMatchObject({
        reason: 'bad-name',
      })
      await store.close()
    })

  test('a name with a path in it stays in the folder', async () => {
    const store = fsStore({ root: folder.root })
    await (await partialsOf(store).open({ name: '../../x', part: 3 })).close()
    expect(filesOf(folder.root)).toEqual(['staging/..%2f..%2fx~part-3'])
    await store.close()
  })
})

describe('a volume that is away', () => {
  test('is MEDIA_UNAVAILABLE volume-offline, and nothing is written', async () => {
    const store = fsStore({ root: folder.root })
    await store.open()
    const marker = join(folder.root, 'mediakeep-volume.json')
    const kept = readFileSync(marker)
    rmSync(marker)
    const away = { code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' }
    const partials = partialsOf(store)
    await expect(partials.open(part)).rejects.toMatchObject(away)
    await expect(partials.find({ ...part, sizeBytes: 1 })).rejects.toMatchObject(away)
    await expect(partials.delete(part)).rejects.toMatchObject(away)
    expect(filesOf(folder.root)).toEqual([])
    writeFileSync(marker, kept)
    await (await written(store)).close()
    rmSync(marker)
    await expect(partials.open(part), 'a part that is there').rejects.toMatchObject(away)
    await expect(partials.find({ ...part, sizeBytes: 1 }), 'a cut').rejects.toMatchObject(away)
    expect(readFileSync(path)).toEqual(bytes)
    await store.close()
  })
})

describe('a store that is closed', () => {
  test('waits for writes under way, refuses more, and holds no descriptor', async () => {
    let isSlow = false
    const slow: FsCalls = {
      ...nodeFs,
      write: (...args) => {
        if (isSlow) setImmediate(() => setImmediate(() => nodeFs.write(...args)))
        else nodeFs.write(...args)
      },
    }
    const { store, calls } = watched({ over: slow })
    const writer = await written(store)
    await writer.sync()
    const body = await partialsOf(store).find({ ...part, sizeBytes: bytes.length })
    const reading = body?.open()
    const failed = new Promise((resolve) => reading?.once('error', resolve))
    reading?.read(1)
    isSlow = true
    const writing = writer.write(Buffer.from('late'), bytes.length)
    await store.close()
    await writing
    expect(readFileSync(path, 'utf8')).toBe(`${bytes.toString()}late`)
    expect(await failed).toMatchObject({ code: 'MEDIA_CLOSED' })
    expect(calls.openCount).toBe(0)
    expect(store.openCount).toBe(0)
    const closed = { code: 'MEDIA_CLOSED' }
    await expect(writer.write(bytes, 0)).rejects.toMatchObject(closed)
    await expect(writer.sync()).rejects.toMatchObject(closed)
    await expect(partialsOf(store).open(part)).rejects.toMatchObject(closed)
    await expect(partialsOf(store).find({ ...part, sizeBytes: 1 })).rejects.toMatchObject(closed)
    await expect(partialsOf(store).delete(part)).rejects.toMatchObject(closed)
    expect(() => body?.open()).toThrow(expect.objectContaining(closed))
    await writer.close()
  })

  test('close() of a writer waits for a sync that was asked for before it', async () => {
    const { store, trace } = watched()
    const writer = await written(store)
    const syncs = [writer.sync(), writer.sync()]
    await writer.close()
    await Promise.all(syncs)
    expect(trace.filter((line) => line.startsWith('fdatasync'))).toHaveLength(2)
    await expect(writer.sync()).rejects.toMatchObject({ reason: 'staging-ended' })
    await store.close()
  })
})
