import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { uploadMedia } from '../../packages/client/src/upload/upload-media.ts'

const CHUNK = 256 * 1024
const program = join(import.meta.dirname, 'doors.program.mjs')
const secret = randomBytes(32).toString('hex')
// Text, so that every byte of it is of a type that is taken.
const BODY = Buffer.from(randomBytes(12 * CHUNK).toString('base64'))
const COUNT = Math.ceil(BODY.length / CHUNK)
const digest = `sha256:${createHash('sha256').update(BODY).digest('hex')}`
const ANN = { 'x-user': 'ann' }

let folder: string
const running: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-doors-'))
})
afterEach(async () => {
  for (const child of running.splice(0)) await stop(child, 'SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

interface Service {
  readonly child: ChildProcess
  readonly port: number
  readonly url: string
}

async function start(): Promise<Service> {
  const child = spawn(
    process.execPath,
    [program, JSON.stringify({ folder, secret, maxBodyBytes: 2 * BODY.length })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  running.push(child)
  const [line] = (await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the service did not start'))),
  ])) as [Buffer]
  const port = Number(line.toString())
  return { child, port, url: `http://127.0.0.1:${port}` }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

const chunkOf = (index: number): Buffer => BODY.subarray(index * CHUNK, (index + 1) * CHUNK)

type Json = Record<string, unknown>

async function ask(
  url: string,
  { method = 'GET', body, headers = ANN }: { method?: string; body?: Buffer | object; headers?: object } = {},
): Promise<{ status: number; json: Json }> {
  const isBytes = body === undefined || Buffer.isBuffer(body)
  const answer = await fetch(url, {
    method,
    headers: { ...headers, ...(isBytes ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as Json) }
}

const wanted = (more: object = {}): object => ({
  filename: 'book.txt',
  contentType: 'text/plain',
  sizeBytes: BODY.length,
  mode: 'chunked',
  chunkBytes: CHUNK,
  sha256: digest.slice('sha256:'.length),
  ...more,
})
const begin = (service: Service, more: object = {}): ReturnType<typeof ask> =>
  ask(`${service.url}/media/uploads`, { method: 'POST', body: wanted(more) })
const put = (url: string, index: number): ReturnType<typeof ask> =>
  ask(`${url}/chunks/${index}`, { method: 'PUT', body: chunkOf(index) })

async function expectWhole(service: Service, id: string): Promise<void> {
  const content = await fetch(`${service.url}/media/${id}/content`, { headers: ANN })
  expect(content.status).toBe(200)
  const bytes = Buffer.from(await content.arrayBuffer())
  expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest)
}

/** Sends half of a chunk, and holds the connection open. */
async function sendHalf({ port }: Service, path: string, index: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const chunk = chunkOf(index)
  const head = `PUT ${path}/chunks/${index} HTTP/1.1\r\nHost: a\r\nX-User: ann\r\nContent-Length: ${chunk.length}\r\n\r\n`
  await new Promise((resolve) =>
    socket.write(Buffer.concat([Buffer.from(head), chunk.subarray(0, chunk.length / 2)]), resolve),
  )
}

describe('an upload in chunks', () => {
  it('survives kill -9: another process of the folder goes on with it, and so does the next', async () => {
    const [first, second] = [await start(), await start()]
    const begun = await begin(first)
    expect(begun.status).toBe(201)
    const path = String(begun.json['url'])
    const done = [0, 1, 2, 3, 7]
    for (const { status } of await Promise.all(done.map((index) => put(first.url + path, index))))
      expect(status).toBe(200)
    await sendHalf(first, path, 4)
    await stop(first.child, 'SIGKILL')

    // What was acknowledged is there, and nothing of what was not.
    const state = (await ask(second.url + path)).json
    expect(state).toMatchObject({
      state: 'receiving',
      receivedBytes: done.length * CHUNK,
      receivedChunks: [
        [0, 3],
        [7, 7],
      ],
      missing: [
        [4, 6],
        [8, COUNT - 1],
      ],
    })
    // A client that was reloaded goes on with the second process. Whoever was killed is waited for no longer than its lease.
    const entries = new Map([
      [
        'mediakeep-upload:book',
        JSON.stringify({
          url: second.url + path,
          file: JSON.stringify(['file', 0, BODY.length, 'text/plain']),
        }),
      ],
    ])
    const storage = {
      getItem: (name: string) => entries.get(name) ?? null,
      setItem: (name: string, value: string) => void entries.set(name, value),
      removeItem: (name: string) => void entries.delete(name),
    }
    const pausing = new AbortController()
    const options = {
      url: `${second.url}/media/uploads`,
      headers: ANN,
      resumeKey: 'book',
      storage,
    }
    const file = new Blob([new Uint8Array(BODY)], { type: 'text/plain' })
    const paused = uploadMedia(file, {
      ...options,
      signal: pausing.signal,
      onProgress({ sentBytes }) {
        if (sentBytes >= 8 * CHUNK) pausing.abort()
      },
    })
    await expect(paused).rejects.toThrow('aborted')
    await stop(second.child, 'SIGTERM')
    const third = await start()
    entries.set('mediakeep-upload:book', JSON.stringify({ ...recall(entries), url: third.url + path }))
    const media = await uploadMedia(file, { ...options, url: `${third.url}/media/uploads` })
    expect(media).toMatchObject({ id: begun.json['mediaId'], digest, owner: 'ann', state: 'active' })
    await expectWhole(third, media.id)
    expect(entries.size).toBe(0)
    // No piece of it is left behind.
    const left = (await readdir(join(folder, 'disk'), { recursive: true })).filter((name) =>
      /partial/.test(name),
    )
    expect(left.filter((name) => /\d/.test(name))).toEqual([])
  })

  it('is taken by two processes at once, and is nobody else’s in either', async () => {
    const services = [await start(), await start()] as const
    const { json } = await begin(services[0])
    const path = String(json['url'])
    for (const { url } of services) {
      const [theirs, none] = await Promise.all([
        ask(url + path, { headers: { 'x-user': 'bob' } }),
        ask(`${url}/media/uploads/none`, { headers: { 'x-user': 'bob' } }),
      ])
      expect(theirs.status).toBe(404)
      expect({ ...theirs.json, requestId: '' }).toEqual({ ...none.json, requestId: '' })
    }
    const media = await Promise.all(
      services.map(({ url }) =>
        uploadMedia(new Blob([new Uint8Array(BODY)], { type: 'text/plain' }), {
          url: `${url}/media/uploads`,
          headers: ANN,
          chunkBytes: CHUNK,
        }),
      ),
    )
    for (const { id } of media) await expectWhole(services[1], id)
    // Chunks of one upload through both.
    for (let index = 0; index < COUNT; index++)
      expect((await put(`${services[index % 2]?.url}${path}`, index)).status).toBe(200)
    const made = await ask(`${services[1].url}${path}/complete`, { method: 'POST' })
    expect([made.status, made.json['id'], made.json['digest']]).toEqual([201, json['mediaId'], digest])
    await expectWhole(services[0], String(json['mediaId']))
  })

  it('is refused before its first byte when it is over the limit', async () => {
    const refused = await begin(await start(), { sizeBytes: 2 * BODY.length + 1 })
    expect([refused.status, refused.json['code']]).toEqual([413, 'MEDIA_TOO_LARGE'])
  })
})

describe('a presigned upload', () => {
  it('is taken by every process that has the keys, by one of them once', async () => {
    const services = [await start(), await start()] as const
    const { json } = await begin(services[0], { mode: 'presigned', chunkBytes: undefined })
    const sent = { method: 'PUT', body: BODY, headers: json['headers'] as object }
    const answers = await Promise.all(services.map(({ url }) => ask(url + String(json['url']), sent)))
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 409])
    await expectWhole(services[1], String(json['mediaId']))
  })
})

function recall(entries: ReadonlyMap<string, string>): Json {
  return JSON.parse(entries.get('mediakeep-upload:book') ?? '{}') as Json
}
