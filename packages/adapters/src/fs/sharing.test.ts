import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { bytesSource, digestOf, type ObjectReader } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FsStore, fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

let folder: ReturnType<typeof makeRoot>
let store: FsStore
let other: FsStore

beforeEach(async () => {
  folder = makeRoot()
  store = fsStore({ root: folder.root, durability: 'none', sweepAfterMs: 0 })
  other = fsStore({ root: folder.root, durability: 'none', sweepAfterMs: 0 })
  await store.open()
  await other.open()
})
afterEach(async () => {
  await store.close()
  await other.close()
  folder.remove()
})

const text = (value: string): ReturnType<typeof bytesSource> => bytesSource(Buffer.from(value))
async function read(reader: ObjectReader | undefined): Promise<string> {
  if (reader === undefined) throw new Error('absent')
  const parts: Buffer[] = []
  for await (const chunk of reader.stream()) parts.push(chunk as Buffer)
  return Buffer.concat(parts).toString()
}

describe('two stores on one root', () => {
  test('put() with `absent`: of 40 racers exactly one wins, and its bytes stay', async () => {
    for (let round = 0; round < 10; round++) {
      const racers = Array.from({ length: 40 }, (_, index) => {
        const racer = index % 2 === 0 ? store : other
        return racer
          .put(`key-${round}`, text(`racer-${index}`), { when: { type: 'absent' } })
          .then(() => index)
      })
      const settled = await Promise.allSettled(racers)
      const winners = settled.filter((result) => result.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      for (const result of settled)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'MEDIA_PRECONDITION' })
      expect(await read(await other.get(`key-${round}`))).toBe(`racer-${winners[0]?.value}`)
    }
    expect(filesOf(folder.root)).toHaveLength(10)
  })

  test('put() with `match`: of 20 racers exactly one wins', async () => {
    const { etag } = await store.put('key', text('first'))
    const racers = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? store : other).put('key', text(`racer-${index}`), { when: { type: 'match', etag } }),
    )
    const settled = await Promise.allSettled(racers)
    expect(settled.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    expect(filesOf(folder.root)).toHaveLength(1)
  })

  test('a lock that a crash left is taken over when it is old', async () => {
    const watched = watchFs({
      fail: ({ name, args }) => (name === 'unlink' && String(args[0]).includes('~lock') ? 'EIO' : undefined),
    })
    const crashing = fsStore({ root: folder.root, fs: watched.fs, durability: 'none' })
    const first = await store.put('key', text('first'))
    const second = await crashing.put('key', text('second'), { when: { type: 'match', etag: first.etag } })
    await crashing.close()
    const lock = filesOf(folder.root).find((name) => name.includes('~lock')) ?? ''
    utimesSync(join(folder.root, lock), 1, 1)
    await store.put('key', text('third'), { when: { type: 'match', etag: second.etag } })
    expect(filesOf(folder.root)).toHaveLength(1)
  })

  test('a delete and a replacement by the other store show at once, also where the file was kept open', async () => {
    await store.put('key', text('first'))
    expect(await read(await store.get('key'))).toBe('first')
    await other.put('key', text('second'))
    expect(await read(await store.get('key'))).toBe('second')
    await other.delete('key')
    expect(await store.get('key')).toBeUndefined()
    expect(await store.openFile('key')).toBeUndefined()
  })

  test('a reader never sees new bytes with old metadata, nor the reverse, while they are replaced', async () => {
    let isDone = false
    const put = (index: number): Promise<unknown> =>
      (index % 2 === 0 ? store : other).put('key', text(`${index}`), { metadata: { index: `${index}` } })
    await put(0)
    const writing = (async () => {
      for (let index = 1; index < 300; index++) await put(index)
      isDone = true
    })()
    let looks = 0
    while (!isDone) {
      const reader = await (looks++ % 2 === 0 ? store : other).get('key')
      const index = reader?.head.metadata?.['index']
      expect(await read(reader)).toBe(index)
    }
    await writing
    expect(looks).toBeGreaterThan(10)
    expect(filesOf(folder.root)).toHaveLength(2)
  })
})

describe('what is planted in the volume', () => {
  const hex = 'ee'.repeat(32)
  const key = `ee/${hex}.01`

  test('2.11-13 a link in place of an object is refused, not followed', async () => {
    writeFileSync(join(folder.parent, 'secret'), 'secret')
    symlinkSync(join(folder.parent, 'secret'), store.localPath(key))
    await expect(store.get(key)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT', reason: 'not-a-file' })
    await expect(store.head(key)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT', reason: 'not-a-file' })
    await expect(store.openFile(key)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT', reason: 'not-a-file' })
    expect((await store.list()).objects).toEqual([])
    await store.put(key, text('mine'))
    expect(readFileSync(join(folder.parent, 'secret'), 'utf8')).toBe('secret')
    expect(await read(await store.get(key))).toBe('mine')
  })

  test('a directory or a pipe in place of an object is refused, and nobody waits for it', async () => {
    mkdirSync(store.localPath(key))
    await expect(store.get(key)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    execFileSync('mkfifo', [store.localPath(`ee/${hex}.02`)])
    await expect(store.get(`ee/${hex}.02`)).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
      reason: 'not-a-file',
    })
  })

  test('2.11-14 put() over a file with a second name leaves the bytes under that name', async () => {
    await store.put(key, text('first'))
    linkSync(store.localPath(key), join(folder.parent, 'second-name'))
    await store.put(key, text('other'))
    expect(readFileSync(join(folder.parent, 'second-name'), 'utf8')).toBe('first')
  })

  test('2.11-14 adopt() copies a file with a second name, so that nobody can change the object through it', async () => {
    const original = join(folder.parent, 'original')
    writeFileSync(original, 'adopted')
    linkSync(original, join(folder.parent, 'second-name'))
    await store.adopt(key, original)
    writeFileSync(join(folder.parent, 'second-name'), 'changed')
    expect(await read(await store.get(key))).toBe('adopted')
    expect(existsSync(original)).toBe(false)
  })

  test('2.11-13 adopt() refuses a link and takes nothing', async () => {
    writeFileSync(join(folder.parent, 'secret'), 'secret')
    symlinkSync(join(folder.parent, 'secret'), join(folder.parent, 'link'))
    await expect(store.adopt(key, join(folder.parent, 'link'))).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'not-a-file',
    })
    expect(existsSync(join(folder.parent, 'link'))).toBe(true)
  })

  test('stamp() changes when the bytes are changed under an open file', async () => {
    await store.put(key, text('bytes'))
    const file = await store.openFile(key)
    const stamp = file?.stamp()
    writeFileSync(store.localPath(key), 'BYTES')
    expect(file?.stamp()).not.toBe(stamp)
    await file?.close()
  })

  test('an object cut short under a reader is MEDIA_CORRUPT, never a short success', async () => {
    await store.put(key, bytesSource(Buffer.alloc(1_000_000)))
    const reader = await store.get(key)
    writeFileSync(store.localPath(key), 'short')
    await expect(read(reader)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT', reason: 'truncated' })
  })
})

describe('sidecars', () => {
  test('keys of placements without metadata cost no second file', async () => {
    await store.put(`ee/${'ee'.repeat(32)}.01`, text('bytes'))
    expect(filesOf(folder.root)).toHaveLength(1)
  })

  test('are found after a restore that kept no times', async () => {
    await store.put('key', text('bytes'), { contentType: 'text/plain' })
    utimesSync(store.localPath('key'), 1, 1)
    expect(await store.head('key')).toMatchObject({ contentType: 'text/plain' })
  })

  test('that damage made unreadable are MEDIA_CORRUPT', async () => {
    await store.put('key', text('bytes'), { contentType: 'text/plain' })
    const sidecar = filesOf(folder.root).find((name) => name.includes('~')) ?? ''
    writeFileSync(join(folder.root, sidecar), '{')
    await expect(store.head('key')).rejects.toMatchObject({
      code: 'MEDIA_CORRUPT',
      reason: 'sidecar-damaged',
    })
  })
})

describe('staging.sweep()', () => {
  test('removes staged bodies of dead sessions of another process, temporary files and lost sidecars', async () => {
    const dead = await other.staging.create({ name: 'dead', sizeBytes: 10 })
    await dead.write(Buffer.from('x'))
    const live = await other.staging.create({ name: 'live', sizeBytes: 10 })
    writeFileSync(join(folder.root, 'objects/00/~0123-0'), 'left by a crash')
    writeFileSync(join(folder.root, 'objects/00/k.gone~abc'), '{}')
    await store.put('key', text('bytes'), { contentType: 'text/plain' })
    await store.staging.sweep((name) => name === 'live')
    const left = filesOf(folder.root)
    expect(left.filter((name) => name.startsWith('staging/live~'))).toHaveLength(1)
    expect(left).toHaveLength(3)
    expect(await store.head('key')).toMatchObject({ contentType: 'text/plain' })
    await live.abort()
    await dead.abort()
  })

  test('leaves what is not old enough', async () => {
    const careful = fsStore({ root: folder.root })
    const dead = await other.staging.create({ name: 'dead', sizeBytes: 10 })
    expect(await careful.staging.sweep(() => false)).toBe(0)
    await careful.close()
    await dead.abort()
  })
})

describe('close()', () => {
  test('ends writers, staged bodies and readers, and leaves no file', async () => {
    const writer = await store.createWriter('written')
    await writer.write(Buffer.alloc(500_000))
    const staged = await store.staging.create({ name: 'session' })
    await staged.write(Buffer.alloc(500_000))
    await store.put('key', bytesSource(Buffer.alloc(2_000_000)))
    const stream = (await store.get('key'))?.stream()
    const ended = new Promise((resolve) => stream?.once('error', resolve))
    const file = await store.openFile('key')
    await store.close()
    await store.close()
    expect(await ended).toMatchObject({ code: 'MEDIA_CLOSED' })
    await expect(file?.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    await expect(staged.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    expect(store.staging.usedBytes).toBe(0)
    expect(filesOf(folder.root)).toEqual([`objects/${store.localPath('key').slice(-8, -6)}/k.key`])
  })

  test('a staged body that a put was given stays readable until it is discarded', async () => {
    const writer = await store.staging.create({ name: 'session' })
    await writer.write(Buffer.from('staged'))
    const body = await writer.finish(digestOf(Buffer.from('staged')))
    await store.put('a', body)
    await store.put('b', body)
    await body.discard()
    expect(await read(await store.get('b'))).toBe('staged')
    expect(filesOf(folder.root)).toHaveLength(2)
  })
})
