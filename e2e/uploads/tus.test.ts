import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type Media, type MediaStore } from '@mediakeep/core'
import { mediaRouter, openAccess } from '@mediakeep/express'
import { openMediaStore } from 'mediakeep'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileUrlStorage, uploadFile, uploadStream } from './tus-client.ts'

const MIB = 1024 * 1024

let folder: string
let store: MediaStore
let server: Server
let endpoint: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-tus-'))
  store = await openMediaStore(join(folder, 'media'))
  server = createServer(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/media/tus`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function fileOf(sizeBytes: number): Promise<{ path: string; digest: string }> {
  const bytes = randomBytes(sizeBytes)
  bytes.fill(0xee, 0, 16) // no type's beginning
  const path = join(folder, 'body.bin')
  await writeFile(path, bytes)
  return { path, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
}

async function media(): Promise<readonly Media[]> {
  return (await store.list()).items
}

describe('tus-js-client', () => {
  it('uploads a file whole, and in chunks', async () => {
    const { path, digest } = await fileOf(5 * MIB)
    for (const chunkSize of [Number.POSITIVE_INFINITY, MIB]) {
      const { upload, done } = uploadFile(path, {
        endpoint,
        chunkSize,
        metadata: { filename: `${chunkSize}.bin`, filetype: 'application/octet-stream' },
      })
      upload.start()
      await done
    }
    expect(await media()).toMatchObject([
      { digest, filename: `${MIB}.bin`, sizeBytes: 5 * MIB },
      { digest, filename: 'Infinity.bin', sizeBytes: 5 * MIB },
    ])
  })

  it('uploads with the first bytes in the creation', async () => {
    const { path, digest } = await fileOf(3 * MIB)
    const { upload, done } = uploadFile(path, { endpoint, chunkSize: MIB, uploadDataDuringCreation: true })
    upload.start()
    await done
    expect(await media()).toMatchObject([{ digest }])
  })

  it('uploads a stream whose length comes last', async () => {
    const { path, digest } = await fileOf(2 * MIB + 5)
    const stream = createReadStream(path).pipe(new PassThrough())
    const { upload, done } = uploadStream(stream, { endpoint, chunkSize: MIB, uploadLengthDeferred: true })
    upload.start()
    await done
    expect(await media()).toMatchObject([{ digest }])
  })

  it('uploads in four parts at a time', async () => {
    const { path, digest } = await fileOf(9 * MIB + 1)
    const { upload, done } = uploadFile(path, {
      endpoint,
      parallelUploads: 4,
      metadata: { filename: 'parts.bin' },
    })
    upload.start()
    await done
    expect(await media()).toMatchObject([{ digest, filename: 'parts.bin' }])
  })

  it('goes on from what it stored, as a new upload of the same file', async () => {
    const { path, digest } = await fileOf(8 * MIB)
    const urlStorage = fileUrlStorage(join(folder, 'urls.json'))
    await new Promise<void>((resolve) => {
      const { upload } = uploadFile(path, {
        endpoint,
        urlStorage,
        chunkSize: MIB,
        onChunkComplete: (_, accepted) => {
          if (accepted === 3 * MIB) void upload.abort().then(resolve)
        },
      })
      upload.start()
    })

    const second = uploadFile(path, { endpoint, urlStorage, chunkSize: MIB })
    const [previous] = await second.upload.findPreviousUploads()
    expect(previous).toBeDefined()
    if (previous !== undefined) second.upload.resumeFromPreviousUpload(previous)
    second.upload.start()
    await second.done
    expect(second.told[0]?.offset).toBeGreaterThanOrEqual(3 * MIB)
    expect(second.upload.url).toBe(previous?.uploadUrl)
    expect(await media()).toMatchObject([{ digest }])
  })

  it('is told when the bytes are refused', async () => {
    const { path } = await fileOf(MIB)
    const { upload, done } = uploadFile(path, {
      endpoint,
      metadata: { filename: 'a.png', filetype: 'image/png' },
    })
    upload.start()
    await expect(done).rejects.toThrow('response code: 415')
    expect(await media()).toEqual([])
  })

  it('takes its upload back', async () => {
    const { path } = await fileOf(4 * MIB)
    const url = await new Promise<string | null>((resolve) => {
      const { upload } = uploadFile(path, {
        endpoint,
        chunkSize: MIB,
        onChunkComplete: () => void upload.abort(true).then(() => resolve(upload.url)),
      })
      upload.start()
    })
    const { status } = await fetch(url ?? '', { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } })
    expect([404, 410]).toContain(status)
    expect(await media()).toEqual([])
  })
})
