import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteSource, bytesSource, digestOf, isMediaError } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FsStore, fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

const hex = 'cd'.repeat(32)
const placement = `cd/${hex}.01`
const bytes = Buffer.alloc(700_000, 'x')
const stream: ByteSource = { sizeBytes: bytes.length, open: (options) => bytesSource(bytes).open(options) }
let folder: ReturnType<typeof makeRoot>

beforeEach(async () => {
  folder = makeRoot()
  const store = fsStore({ root: folder.root })
  await store.open()
  await store.close()
})
afterEach(() => folder.remove())

const CODES: Readonly<Record<string, { readonly code: string; readonly reason?: string }>> = {
  ENOSPC: { code: 'MEDIA_NO_SPACE', reason: 'disk-full' },
  EDQUOT: { code: 'MEDIA_NO_SPACE', reason: 'disk-quota' },
  EIO: { code: 'MEDIA_UNAVAILABLE', reason: 'io-error' },
  EMFILE: { code: 'MEDIA_BUSY', reason: 'too-many-open-files' },
  EACCES: { code: 'MEDIA_UNAVAILABLE', reason: 'not-writable' },
  EROFS: { code: 'MEDIA_UNAVAILABLE', reason: 'not-writable' },
}

function fail(why: string): never {
  throw new Error(why)
}

const ACTS: Readonly<Record<string, (store: FsStore) => Promise<unknown>>> = {
  'put of bytes': (store) => store.put(placement, bytesSource(bytes)),
  'put of a stream': (store) => store.put(placement, stream, { checksum: digestOf(bytes) }),
  'put with metadata': (store) => store.put('photo', bytesSource(bytes), { metadata: { a: 'b' } }),
  'put if absent': (store) => store.put('photo', stream, { when: { type: 'absent' } }),
  createWriter: async (store) => {
    const writer = await store.createWriter('written')
    try {
      await writer.write(bytes)
      await writer.commit()
    } finally {
      await writer.abort()
    }
  },
  'staging and adopt': async (store) => {
    const writer = await store.staging.create({ name: 'session', sizeBytes: bytes.length })
    try {
      await writer.write(bytes)
      const body = await writer.finish(digestOf(bytes))
      try {
        await store.adopt(placement, body.path ?? '')
      } finally {
        await body.discard()
      }
    } finally {
      await writer.abort()
    }
  },
  'a part that is taken over': async (store) => {
    const partials = store.staging.partials ?? fail('a store of files takes bodies in pieces')
    const part = { name: 'session', part: 0 }
    try {
      const writer = await partials.open({ ...part, sizeBytes: bytes.length })
      try {
        await writer.write(bytes.subarray(0, 400_000), 0)
        await writer.sync()
        await writer.write(bytes.subarray(400_000), 400_000)
        await writer.sync()
      } finally {
        await writer.close()
      }
      const body = await partials.find({ ...part, sizeBytes: bytes.length - 1 })
      await store.adopt(placement, body?.path ?? fail('the part is not there'))
    } finally {
      await partials.delete(part).catch(() => {}) // where it is not there, nothing may be looked at either
    }
  },
}

for (const [act, run] of Object.entries(ACTS)) {
  describe(act, () => {
    for (const [errno, expected] of Object.entries(CODES)) {
      test(`${errno} at every call, once and from then on: ${expected.code}, no temporary file, no descriptor, and the next try succeeds`, async () => {
        let failsAt: (index: number) => boolean = () => false
        const watched = watchFs({
          // Removing and looking go on when a disk is full or a file cannot be made.
          fail: ({ name }, index) =>
            failsAt(index) && !/^(close|closeSync|unlink|fstatSync|lstat)$/.test(name) ? errno : undefined,
        })
        const store = fsStore({ root: folder.root, fs: watched.fs, stagingHeadRoomBytes: 0 })
        await store.open()
        for (const times of ['once', 'from then on'] as const) {
          for (let at = 0; ; at++) {
            const failing = watched.count + at
            failsAt = (index) => (times === 'once' ? index === failing : index >= failing)
            const error = await run(store).then(
              () => undefined,
              (thrown: unknown) => thrown,
            )
            const isOver = watched.count <= failing
            failsAt = () => false
            const said = `${act}, ${errno} at call ${at}, ${times}`
            if (error !== undefined) {
              expect(error, said).toMatchObject(expected)
              expect(isMediaError(error), said).toBe(true)
              expect(filesOf(folder.root), said).toEqual([])
              await run(store)
            }
            expect(store.staging.usedBytes, said).toBe(0)
            expect(watched.openCount, said).toBe(0)
            await store.deleteMany([placement, 'photo', 'written'])
            if (at % 8 === 0) expect(filesOf(folder.root), said).toEqual([])
            if (isOver) break
          }
        }
        expect(filesOf(folder.root)).toEqual([])
        await store.close()
      })
    }
  })
}

test('EIO on the sync of the directory fails the put and takes the object back', async () => {
  const watched = watchFs({ fail: ({ name }) => (name === 'fsync' ? 'EIO' : undefined) })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await expect(store.put(placement, bytesSource(bytes))).rejects.toMatchObject({
    code: 'MEDIA_UNAVAILABLE',
    reason: 'io-error',
  })
  expect(filesOf(folder.root)).toEqual([])
  await store.close()
})

test('a sync that failed is never asked again on the same descriptor', async () => {
  const watched = watchFs({ fail: ({ name }) => (name === 'fdatasync' ? 'EIO' : undefined) })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await store.open()
  const before = watched.count
  await expect(store.put(placement, bytesSource(bytes))).rejects.toMatchObject({ reason: 'io-error' })
  // open, write, fdatasync, close, unlink: one try.
  expect(watched.count - before).toBe(5)
  await store.close()
})

test('a reader gets the file when descriptors run out and only idle ones hold them', async () => {
  let isFull = false
  const watched = watchFs({
    fail: ({ name }) => (isFull && name === 'open' && watched.openCount >= 5 ? 'EMFILE' : undefined),
  })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  for (let index = 0; index < 6; index++) await store.put(`key-${index}`, bytesSource(bytes))
  isFull = true
  for (let index = 0; index < 6; index++) {
    const file = await store.openFile(`key-${index}`)
    expect(file?.sizeBytes).toBe(bytes.length)
    await file?.close()
  }
  await store.close()
  expect(watched.openCount).toBe(0)
})

test('a put finds a descriptor when only files kept open for readers hold them all', async () => {
  let isFull = false
  const watched = watchFs({
    fail: ({ name }) =>
      isFull && /^open(Sync)?$/.test(name) && watched.openCount >= 5 ? 'EMFILE' : undefined,
  })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  for (let index = 0; index < 6; index++) {
    await store.put(`key-${index}`, bytesSource(bytes))
    await (await store.openFile(`key-${index}`))?.close()
  }
  isFull = true
  expect((await store.put(placement, bytesSource(bytes))).sizeBytes).toBe(bytes.length)
  await store.close()
  expect(watched.openCount).toBe(0)
})

test('a failed read is an error, never an absent object', async () => {
  let errno: string | undefined
  const watched = watchFs({ fail: ({ name }) => (/^(open|lstat)$/.test(name) ? errno : undefined) })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await store.put(placement, bytesSource(bytes))
  for (errno of ['EIO', 'EACCES', 'ENOTDIR', 'ESTALE']) {
    await expect(store.get(placement), errno).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    await expect(store.head(placement), errno).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
  }
  errno = undefined
  await store.close()
})

test('a failed adopt leaves the original as it was', async () => {
  const original = join(folder.parent, 'original')
  writeFileSync(original, bytes)
  const watched = watchFs({ fail: ({ name }) => (name === 'rename' ? 'ENOSPC' : undefined) })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await expect(store.adopt(placement, original)).rejects.toMatchObject({ code: 'MEDIA_NO_SPACE' })
  expect(existsSync(original)).toBe(true)
  expect(filesOf(folder.root)).toEqual([])
  await store.close()
})

test('adopt() copies where a rename cannot be, and the original is gone afterwards', async () => {
  const original = join(folder.parent, 'original')
  writeFileSync(original, bytes)
  const watched = watchFs({
    fail: ({ name, args }) => (name === 'rename' && args[0] === original ? 'EXDEV' : undefined),
  })
  const store = fsStore({ root: folder.root, fs: watched.fs })
  await store.adopt(placement, original)
  expect(existsSync(original)).toBe(false)
  expect((await store.head(placement))?.sizeBytes).toBe(bytes.length)
  await store.close()
  expect(watched.openCount).toBe(0)
})

describe('an abort at any call', () => {
  for (const [act, run] of Object.entries(ACTS).slice(0, 4)) {
    test(`${act}: throws the reason and leaves nothing, or has succeeded`, async () => {
      for (let at = 0; ; at++) {
        const controller = new AbortController()
        const reason = new Error('the caller left')
        let start = Number.POSITIVE_INFINITY
        const watched = watchFs({ onCall: (_, index) => index === start + at && controller.abort(reason) })
        const store = fsStore({ root: folder.root, fs: watched.fs })
        await store.open()
        start = watched.count
        const signalled = {
          ...store,
          put: ((key, source, options) =>
            store.put(key, source, { ...options, signal: controller.signal })) as FsStore['put'],
        }
        const error = await run(signalled).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        const isOver = watched.count <= start + at
        start = Number.POSITIVE_INFINITY
        if (error !== undefined) {
          expect(error).toBe(reason)
          expect(filesOf(folder.root), `aborted at call ${at}`).toEqual([])
        }
        await store.deleteMany([placement, 'photo', 'written'])
        await store.close()
        expect(watched.openCount).toBe(0)
        if (isOver) break
      }
    })
  }
})

test('5,000 objects read, half of them given up, leave no descriptor', async () => {
  const store = fsStore({ root: folder.root, durability: 'none' })
  const before = readdirSync('/proc/self/fd').length
  for (let index = 0; index < 5000; index++) {
    const key = `key-${index % 500}`
    if (index < 500) await store.put(key, bytesSource(bytes.subarray(0, 1000)))
    const reader = await store.get(key)
    if (index % 2 === 0) await reader?.[Symbol.asyncDispose]()
    else reader?.stream().destroy()
  }
  expect(readdirSync('/proc/self/fd').length - before).toBeLessThanOrEqual(260)
  await store.close()
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before)
})
