import nodeFs, { renameSync } from 'node:fs'
import { digestOf, MiB } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from './calls.ts'
import { fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'
import { watchFs } from './testing/watched-fs.ts'

const placement = `cd/${'cd'.repeat(32)}.01`
let folder: ReturnType<typeof makeRoot>
beforeEach(() => {
  folder = makeRoot()
})
afterEach(() => folder.remove())

describe('staging', () => {
  test('gives back the room that a body was still asking for when it was aborted', async () => {
    const free = { type: 0, bsize: 4096, blocks: 1e6, bavail: (40 * MiB) / 4096 }
    const statfs: FsCalls['statfs'] = (_path, done) => void setImmediate(() => done(null, free))
    const store = fsStore({ root: folder.root, fs: { ...nodeFs, statfs }, stagingHeadRoomBytes: 0 })
    for (let time = 0; time < 5; time++) {
      const writer = await store.staging.create({ name: 'leaves' })
      const [writing] = await Promise.allSettled([writer.write(Buffer.alloc(1000)), writer.abort()])
      expect(writing).toMatchObject({ reason: { reason: 'staging-ended' } })
    }
    expect(store.staging.usedBytes).toBe(0)
    const next = await store.staging.create({ name: 'next', sizeBytes: 40 * MiB })
    await next.abort()
    await store.close()
  })

  test('closes no descriptor that is still written to, and writes to none that is closed', async () => {
    const later = (done: () => void): void => void setImmediate(() => setImmediate(done))
    const slow: FsCalls = {
      ...nodeFs,
      write: (...args) => later(() => nodeFs.write(...args)),
      writev: (fd, buffers, position, done) => later(() => nodeFs.writev(fd, buffers, position, done)),
    }
    let writes = 0
    const faults: string[] = []
    const watched = watchFs({
      over: {
        ...slow,
        write: (fd, buffer, offset, length, position, done) => {
          writes++
          slow.write(fd, buffer, offset, length, position, (error, count) => {
            writes--
            if (error) faults.push(String(error))
            done(error, count)
          })
        },
        writev: (fd, buffers, position, done) => {
          writes++
          slow.writev(fd, buffers, position, (error, count) => {
            writes--
            if (error) faults.push(String(error))
            done(error, count)
          })
        },
        close: (fd, done) => {
          if (writes > 0) faults.push('closed under a write')
          nodeFs.close(fd, done)
        },
      },
    })
    const store = fsStore({ root: folder.root, fs: watched.fs })
    const writer = await store.staging.create({ name: 'body' })
    const writing = (async () => {
      for (let count = 0; count < 20; count++) await writer.write(Buffer.alloc(MiB))
    })()
    const closing = (async () => {
      while (writes === 0) await new Promise(setImmediate)
      await store.close()
    })()
    const [ended] = await Promise.allSettled([writing, closing])
    expect(ended).toMatchObject({ reason: { code: 'MEDIA_CLOSED' } })
    expect(faults).toEqual([])
    expect(filesOf(folder.root)).toEqual([])
    expect(watched.openCount).toBe(0)
  })

  test('calls the volume offline, not the body bad, when both are gone at once', async () => {
    const store = fsStore({ root: folder.root })
    const writer = await store.staging.create({ name: 'body' })
    const bytes = Buffer.alloc(300_000, 1)
    await writer.write(bytes)
    const body = await writer.finish(digestOf(bytes))
    renameSync(folder.root, `${folder.root}-away`)
    const offline = { code: 'MEDIA_UNAVAILABLE', reason: 'volume-offline' }
    await expect(store.adopt(placement, body.path ?? '')).rejects.toMatchObject(offline)
    renameSync(`${folder.root}-away`, folder.root)
    expect((await store.adopt(placement, body.path ?? '')).sizeBytes).toBe(bytes.length)
    await body.discard()
    await store.close()
  })
})
