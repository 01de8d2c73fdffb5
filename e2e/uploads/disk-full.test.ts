import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import nodeFs from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type FsCalls, fsStore } from '@mediakeep/adapters/fs'
import { createMediaStore, type MediaStore, memoryCatalog } from '@mediakeep/core'
import { continueOnRead, mediaRouter, openAccess } from '@mediakeep/express'
import { describe, expect, onTestFinished, test } from 'vitest'

/** A disk with so much room, and not a byte more: the write that meets its end is cut there, the next one fails. */
interface Disk {
  readonly fs: FsCalls
  freeBytes: number
}

function diskOf(): Disk {
  const full = (): Error =>
    Object.assign(new Error('ENOSPC: injected, write'), { code: 'ENOSPC', syscall: 'write' })
  const take = (wantedBytes: number): number => {
    const takenBytes = Math.min(wantedBytes, disk.freeBytes)
    disk.freeBytes -= takenBytes
    return takenBytes
  }
  const calls: Pick<FsCalls, 'write' | 'writev'> = {
    write(fd, bytes, offset, length, position, done) {
      const takenBytes = take(length)
      if (takenBytes === 0) setImmediate(() => done(full()))
      else nodeFs.write(fd, bytes, offset, takenBytes, position, done)
    },
    writev(fd, buffers, position, done) {
      const all = Buffer.concat(buffers)
      calls.write(fd, all, 0, all.length, position, done)
    },
  }
  const fs = new Proxy<FsCalls>(nodeFs, {
    // How much room there is cannot be asked for: it is found out by writing.
    get: (target, name) =>
      name === 'statfs' ? undefined : Reflect.get(name in calls ? calls : target, name),
  })
  const disk: Disk = { fs, freeBytes: Number.MAX_SAFE_INTEGER }
  return disk
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly json: Readonly<Record<string, unknown>>
}

interface Stage {
  readonly disk: Disk
  readonly store: MediaStore
  ask(path: string, method: string, headers?: Record<string, string>, body?: Buffer): Promise<Answer>
  /** Files of bodies that are under way. */
  staged(): Promise<readonly string[]>
}

async function stageOf(): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'mediakeep-full-'))
  const disk = diskOf()
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root, fs: disk.fs, stagingHeadRoomBytes: 0 }) }],
    catalog: memoryCatalog(),
    upkeep: { intervalMs: 0 },
    limits: { memoryBodyBytes: 1_024 },
    policies: [{ match: '*', allowUnrecognised: true }],
  })
  const server = createServer(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
  continueOnRead(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await store.close()
    await rm(root, { recursive: true, force: true })
  })
  return {
    disk,
    store,
    staged: () => readdir(join(root, 'staging')),
    async ask(path, method, headers = {}, body) {
      const url = new URL(path, `http://127.0.0.1:${port}/`)
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const sent = request({
        port,
        method,
        path: url.pathname + url.search,
        headers: { ...length, ...headers },
        agent: false,
      })
      // Who is refused may be cut off while it still sends: what counts is what it was told.
      const told = new Promise<IncomingMessage>((resolve, reject) => {
        sent.once('response', resolve).on('error', reject)
      })
      sent.end(body)
      const response = await told
      const bytes = await buffer(response)
      const isJson = response.headers['content-type']?.includes('json') === true
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        json: isJson ? (JSON.parse(bytes.toString()) as Answer['json']) : {},
      }
    },
  }
}

const BODY = randomBytes(1_500_000)
const DIGEST = `sha256:${createHash('sha256').update(BODY).digest('hex')}`
const NO_SPACE = { status: 507, json: { code: 'MEDIA_NO_SPACE' } }
const json = { 'content-type': 'application/json' }
const octets = { 'content-type': 'application/octet-stream' }
const begun = async ({ ask }: Stage, mode: string): Promise<{ url: string; mediaId: string }> => {
  const wanted = { filename: 'a.bin', contentType: octets['content-type'], sizeBytes: BODY.length, mode }
  const { status, json: told } = await ask(
    '/media/uploads',
    'POST',
    json,
    Buffer.from(JSON.stringify({ ...wanted, ...(mode === 'chunked' ? { chunkBytes: 262_144 } : {}) })),
  )
  expect(status).toBe(201)
  return { url: String(told['url']), mediaId: String(told['mediaId']) }
}

/** The media is whole and right, and nothing of the upload is left. */
async function expectWhole({ store, staged }: Stage, id: string): Promise<void> {
  expect((await store.stat(id))?.digest).toBe(DIGEST)
  await using reader = await store.open(id)
  expect(BODY.equals(Buffer.from(await reader.bytes({ maxBytes: BODY.length })))).toBe(true)
  expect(await staged()).toEqual([])
}

describe.each([0, 1, 65_536, 700_001, BODY.length - 1])('a disk that is full at byte %i', (freeBytes) => {
  test('tus: 507, what is told stays, and the upload goes on from there', async () => {
    const stage = await stageOf()
    const { ask, disk } = stage
    const tus = { 'tus-resumable': '1.0.0' }
    const made = await ask('/media/tus', 'POST', { ...tus, 'upload-length': String(BODY.length) })
    const url = String(made.headers.location)
    const piece = { ...tus, 'content-type': 'application/offset+octet-stream' }
    disk.freeBytes = freeBytes
    expect(await ask(url, 'PATCH', { ...piece, 'upload-offset': '0' }, BODY)).toMatchObject(NO_SPACE)
    const offset = Number((await ask(url, 'HEAD', tus)).headers['upload-offset'])
    expect(offset).toBeLessThanOrEqual(freeBytes)
    // All that went in whole is kept: a sender does not begin anew.
    expect(offset).toBeGreaterThan(freeBytes - 131_072)
    const again = await ask(
      url,
      'PATCH',
      { ...piece, 'upload-offset': String(offset) },
      BODY.subarray(offset),
    )
    expect(again).toMatchObject(NO_SPACE)
    const kept = Number((await ask(url, 'HEAD', tus)).headers['upload-offset'])
    expect(kept).toBeGreaterThanOrEqual(offset)
    disk.freeBytes = Number.MAX_SAFE_INTEGER
    const last = await ask(url, 'PATCH', { ...piece, 'upload-offset': String(kept) }, BODY.subarray(kept))
    expect(last.status).toBe(204)
    await expectWhole(stage, String(last.headers['content-location']).split('/').at(-1) ?? '')
  })

  test('chunked: 507, the chunks that were told stay, and the others can be sent', async () => {
    const stage = await stageOf()
    const { ask, disk } = stage
    const { url, mediaId } = await begun(stage, 'chunked')
    disk.freeBytes = freeBytes
    const told: number[] = []
    const send = (index: number): Promise<Answer> =>
      ask(`${url}/chunks/${index}`, 'PUT', octets, BODY.subarray(index * 262_144, (index + 1) * 262_144))
    const all = [0, 1, 2, 3, 4, 5]
    for (const index of all) {
      const answer = await send(index)
      if (answer.status === 200) told.push(index)
      else expect(answer).toMatchObject(NO_SPACE)
    }
    expect(told).toEqual(all.slice(0, Math.floor(freeBytes / 262_144)))
    expect((await ask(url, 'GET')).json['receivedChunks']).toEqual(
      told.length === 0 ? [] : [[0, told.length - 1]],
    )
    expect((await ask(`${url}/complete`, 'POST')).status).toBe(409)
    disk.freeBytes = Number.MAX_SAFE_INTEGER
    for (const index of all.slice(told.length)) expect((await send(index)).status).toBe(200)
    expect((await ask(`${url}/complete`, 'POST')).status).toBe(201)
    await expectWhole(stage, mediaId)
  })

  test('presigned: 507, and the same address takes the body when there is room', async () => {
    const stage = await stageOf()
    const { url, mediaId } = await begun(stage, 'presigned')
    stage.disk.freeBytes = freeBytes
    for (let n = 0; n < 2; n++) expect(await stage.ask(url, 'PUT', octets, BODY)).toMatchObject(NO_SPACE)
    expect(await stage.staged()).toEqual([])
    stage.disk.freeBytes = Number.MAX_SAFE_INTEGER
    expect((await stage.ask(url, 'PUT', octets, BODY)).status).toBe(201)
    await expectWhole(stage, mediaId)
  })

  test('raw: 507, nothing is left, and the next try is taken', async () => {
    const stage = await stageOf()
    stage.disk.freeBytes = freeBytes
    const post = (): Promise<Answer> => stage.ask('/media?filename=a.bin', 'POST', octets, BODY)
    expect(await post()).toMatchObject(NO_SPACE)
    expect(await stage.staged()).toEqual([])
    expect(await stage.store.uploads.list()).toEqual([])
    stage.disk.freeBytes = Number.MAX_SAFE_INTEGER
    const { status, json: media } = await post()
    expect(status).toBe(201)
    await expectWhole(stage, String(media['id']))
  })
})
