import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Host, startProgram } from '../tiers/host.ts'
import { uploadFile } from './tus-client.ts'

const KIB = 1024
const PIECE_BYTES = 256 * KIB
const SIZE_BYTES = 3 * PIECE_BYTES
/** Places in the body at which the server is killed: in each piece, at its edges, and with all of it sent. */
const PLACES = [
  0,
  1,
  4_095,
  65_536,
  200_000,
  262_143,
  262_144,
  262_145,
  400_000,
  524_288,
  700_000,
  SIZE_BYTES,
]

let folder: string
let server: Host
let port = 0

const start = async (): Promise<void> => {
  server = await startProgram(join(import.meta.dirname, 'server.program.mjs'), {
    folder: join(folder, 'media'),
    port,
  })
  port = await server.ask<number>('port')
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-tus-'))
  port = 0
  await start()
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const HEADERS = { 'Tus-Resumable': '1.0.0' }
const OFFSET_STREAM = { ...HEADERS, 'Content-Type': 'application/offset+octet-stream' }

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

function newBody(sizeBytes: number): Buffer {
  const bytes = randomBytes(sizeBytes)
  bytes.fill(0xee, 0, 16) // no type's beginning
  return bytes
}

async function begin(filename: string): Promise<string> {
  const metadata = `filename ${Buffer.from(filename).toString('base64')}`
  const { status, headers } = await fetch(`http://127.0.0.1:${port}/media/tus`, {
    method: 'POST',
    headers: { ...HEADERS, 'Upload-Length': String(SIZE_BYTES), 'Upload-Metadata': metadata },
  })
  expect(status).toBe(201)
  return new URL(headers.get('location') ?? '', `http://127.0.0.1:${port}`).href
}

const patch = (url: string, offset: number, body: Buffer): Promise<Response> =>
  fetch(url, {
    method: 'PATCH',
    headers: { ...OFFSET_STREAM, 'Upload-Offset': String(offset) },
    body: new Uint8Array(body),
  })

async function offsetOf(url: string): Promise<number> {
  const { status, headers } = await fetch(url, { method: 'HEAD', headers: HEADERS })
  expect(status).toBe(200)
  return Number(headers.get('upload-offset'))
}

interface Cut {
  readonly url: string
  readonly bytes: Buffer
  readonly place: number
  readonly ackedBytes: number
  readonly sending: ClientRequest
}

/** Sends whole pieces as far as they go, and then a part of one whose request stays open. */
async function sendTo(place: number): Promise<Cut> {
  const bytes = newBody(SIZE_BYTES)
  const url = await begin(`${place}.bin`)
  let ackedBytes = 0
  while (ackedBytes + PIECE_BYTES < place) {
    expect((await patch(url, ackedBytes, bytes.subarray(ackedBytes, ackedBytes + PIECE_BYTES))).status).toBe(
      204,
    )
    ackedBytes += PIECE_BYTES
  }
  const sending = request(url, {
    method: 'PATCH',
    headers: { ...OFFSET_STREAM, 'Upload-Offset': ackedBytes, 'Content-Length': SIZE_BYTES - ackedBytes },
  })
  sending.on('error', () => {})
  sending.flushHeaders()
  const [socket] = (await once(sending, 'socket')) as [NodeJS.WritableStream]
  await new Promise<void>((resolve) => sending.write(bytes.subarray(ackedBytes, place), () => resolve()))
  expect(socket.writable).toBe(true)
  return { url, bytes, place, ackedBytes, sending }
}

describe('tus: a server that is killed', () => {
  it('tells after its restart no more than is there and no less than it acknowledged, at 12 places, and ends with the right bytes', async () => {
    const clientBody = newBody(4 * 1024 * KIB)
    const path = join(folder, 'client.bin')
    await writeFile(path, clientBody)
    let half = (): void => {}
    const halfSent = new Promise<void>((resolve) => {
      half = resolve
    })
    const client = uploadFile(path, {
      endpoint: `http://127.0.0.1:${port}/media/tus`,
      chunkSize: PIECE_BYTES,
      retryDelays: Array.from({ length: 60 }, () => 250),
      metadata: { filename: 'client.bin' },
      onChunkComplete: (_, acceptedBytes) => {
        if (acceptedBytes >= clientBody.length / 2) half()
      },
    })
    const cuts = await Promise.all(PLACES.map(sendTo))
    client.upload.start()
    await halfSent

    await server.kill()
    await start()

    const rest = cuts.map(async ({ url, bytes, place, ackedBytes, sending }) => {
      sending.destroy()
      const offset = await offsetOf(url)
      expect(offset).toBeLessThanOrEqual(place)
      expect(offset).toBeGreaterThanOrEqual(ackedBytes)
      if (offset === SIZE_BYTES) return
      // Who was killed has the upload until its lease is over.
      await expect
        .poll(async () => (await patch(url, offset, bytes.subarray(offset))).status, { timeout: 30_000 })
        .toBe(204)
    })
    await Promise.all([...rest, client.done])
    for (const { offset, sentBytes } of client.told) expect(offset).toBeLessThanOrEqual(sentBytes)
    expect(client.told.length).toBeGreaterThan(0)

    const media = await server.ask<readonly { filename: string; digest: string }[]>('media')
    const expected = [
      ...cuts.map(({ place, bytes }) => ({ filename: `${place}.bin`, digest: digestOf(bytes) })),
      { filename: 'client.bin', digest: digestOf(clientBody) },
    ]
    const byName = (a: { filename: string }, b: { filename: string }): number =>
      a.filename.localeCompare(b.filename)
    expect(media.toSorted(byName)).toEqual(expected.toSorted(byName))
  })
})
