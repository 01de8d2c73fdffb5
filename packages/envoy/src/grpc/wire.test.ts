import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { createConnection } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { letsThrough, readResponse } from '../codec/proto.fixture.ts'
import type { GateAnswer } from '../contracts.ts'
import { gateOf, QUESTION, READY } from './client.fixture.ts'
import { CHECK_PATH } from './paths.ts'
import { createGrpcServer, type ListeningGate } from './server.ts'

/*
 * What no client of gRPC sends: frames by hand over HTTP/2, to a gate that lets everything through.
 */

let listening: ListeningGate
let session: ClientHttp2Session

beforeAll(async () => {
  listening = await createGrpcServer(gateOf(() => READY)).listen({ port: 0 })
  session = connect(`http://${listening.address}`)
  await once(session, 'connect')
})

afterAll(async () => {
  session.close()
  await listening.close()
})

interface Heard {
  readonly status: string | undefined
  readonly body: Buffer
}

function frame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flag)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}

function post(body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Heard> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': CHECK_PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    const chunks: Buffer[] = []
    let status: string | undefined
    const note = (given: Record<string, unknown>): void => {
      const told = given['grpc-status']
      if (typeof told === 'string') status = told
    }
    stream.on('response', note)
    stream.on('trailers', note)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => undefined)
    stream.on('close', () => resolve({ status, body: Buffer.concat(chunks) }))
    stream.end(body)
  })
}

const allowed = { status: '0', body: frame(encodeAnswer(READY)) }

it.each<readonly [string, Buffer, Readonly<Record<string, string>>]>([
  ['a message said to be compressed that is not', frame(QUESTION, { flag: 1 }), { 'grpc-encoding': 'gzip' }],
  ['a compression nobody knows', frame(QUESTION, { flag: 1 }), { 'grpc-encoding': 'br' }],
  ['a frame longer than what follows', frame(QUESTION, { length: 9_999 }), {}],
  ['a frame of 4 GiB', frame(QUESTION, { length: 0xffff_ffff }), {}],
  ['half a frame', Buffer.of(0, 0, 0), {}],
  ['no frame at all', Buffer.alloc(0), {}],
  ['two questions at once', Buffer.concat([frame(QUESTION), frame(QUESTION)]), {}],
  ['a timeout that is none', frame(QUESTION), { 'grpc-timeout': 'soon' }],
  ['another content type', frame(QUESTION), { 'content-type': 'text/plain' }],
  ['another method', frame(QUESTION), { ':path': '/envoy.service.auth.v3.Authorization/Other' }],
])('lets nothing through on %s, and answers the next question', async (_what, body, headers) => {
  const heard = await post(body, headers)
  expect(heard.status).not.toBe('0')
  expect(heard.body.length).toBe(0)
  expect(await post(frame(QUESTION))).toEqual(allowed)
})

it('lets nothing through on a flag of compression without an encoding, and does not fall over it', async () => {
  const { status, body } = await post(frame(Buffer.from([1, 2, 3]), { flag: 1 }))
  expect(status === '0' && letsThrough(readResponse(body.subarray(5)))).toBe(false)
  expect(await post(frame(QUESTION))).toEqual(allowed)
})

/** The headers of the answer to a message. */
async function answerHeaders(stream: ClientHttp2Stream, body: Buffer): Promise<Record<string, unknown>> {
  const response = once(stream, 'response')
  stream.end(body)
  const [headers] = (await response) as [Record<string, unknown>]
  return headers
}

/** A stream that is asked and not waited for. */
function begin(over: ClientHttp2Session, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const stream = over.request({
    ':method': 'POST',
    ':path': CHECK_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => undefined)
  return stream
}

async function reconnect(): Promise<void> {
  session.destroy()
  session = connect(`http://${listening.address}`)
  session.on('error', () => undefined)
  await once(session, 'connect')
}

it('takes a message in pieces of one byte', async () => {
  const stream = begin(session)
  const heard: Buffer[] = []
  stream.on('data', (chunk: Buffer) => heard.push(chunk))
  const over = once(stream, 'close')
  for (const byte of frame(QUESTION)) {
    stream.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  stream.end()
  await over
  expect(Buffer.concat(heard)).toEqual(allowed.body)
})

it.each([
  ['PUT', { ':method': 'PUT' }, 405],
  ['no content type of gRPC', { 'content-type': 'application/json' }, 415],
  ['a content type that only begins like it', { 'content-type': 'application/grpc-web' }, 415],
  ['gRPC with protobuf', { 'content-type': 'application/grpc+proto' }, 200],
])('answers %s by the status of HTTP', async (_what, headers, status) => {
  const stream = begin(session, headers)
  const told = await answerHeaders(stream, frame(QUESTION))
  expect(told[':status']).toBe(status)
  stream.close()
})

it('refuses a message by its length, while the client still sends', async () => {
  const stream = begin(session)
  const response = once(stream, 'response')
  const over = once(stream, 'close')
  stream.write(frame(Buffer.alloc(1_000), { length: 10_000_000 }))
  const sender = setInterval(() => stream.writable && stream.write(Buffer.alloc(10_000)), 1)
  const [told] = (await response) as [Record<string, unknown>]
  expect(told).toMatchObject({ ':status': 200, 'grpc-status': '8' })
  stream.resume()
  await over
  clearInterval(sender)
  expect(await post(frame(QUESTION))).toEqual(allowed)
})

it('names the codings it takes when it refuses another', async () => {
  const stream = begin(session, { 'grpc-encoding': 'gzip' })
  const told = await answerHeaders(stream, frame(QUESTION))
  expect(told).toMatchObject({ 'grpc-status': '12', 'grpc-accept-encoding': 'identity' })
  stream.close()
})

describe('outlives', () => {
  afterEach(async () => {
    // Node ends a connection that resets too many streams, as it should: the next one is served.
    await reconnect()
    const heard = await post(frame(QUESTION))
    if (heard.status !== '0') throw new Error(`the next question was answered with ${heard.status}`)
  })

  it('1,000 streams that are reset while they are asked', () => {
    for (let count = 0; count < 1_000; count++) {
      const stream = begin(session)
      stream.write(frame(QUESTION))
      stream.close(8)
    }
  })

  it('1,000 streams that are reset at any moment between question and trailers', async () => {
    for (let round = 0; round < 20; round++) {
      const streams = Array.from({ length: 50 }, () => begin(session))
      const over = Promise.all(streams.map((stream) => once(stream, 'close')))
      for (const stream of streams) stream.end(frame(QUESTION))
      for (const [index, stream] of streams.entries()) {
        // One that is not read to its end never ends here.
        stream.resume()
        if (index % 5 === 0) stream.on('response', () => stream.close(8))
        else if (index % 5 === 1) stream.on('data', () => stream.close(8))
        else if (index % 5 === 2) setImmediate(() => stream.close(8))
        else if (index % 5 === 3) setTimeout(() => stream.close(8), index % 7)
      }
      if (round % 5 === 4) session.destroy()
      await over
      if (session.destroyed || session.closed) await reconnect()
    }
  })

  it('connections that break in the middle of everything', async () => {
    for (let round = 0; round < 20; round++) {
      const socket = createConnection(listening.port ?? 0, '127.0.0.1')
      await once(socket, 'connect')
      const other = connect('http://gate', { createConnection: () => socket })
      other.on('error', () => undefined)
      for (let count = 0; count < 100; count++) {
        const stream = begin(other)
        if (count % 3 === 0) stream.write(frame(QUESTION).subarray(0, count))
        else stream.end(frame(QUESTION))
      }
      setTimeout(() => socket.resetAndDestroy(), round)
      await once(socket, 'close')
    }
  })

  it.each([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: gate\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', '\xff'.repeat(10_000)],
    ['a preface and noise', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\x01'.repeat(1_000)}`],
  ])('%s', async (_what, said) => {
    const socket = createConnection(listening.port ?? 0, '127.0.0.1')
    socket.on('error', () => undefined)
    const over = once(socket, 'close')
    socket.end(Buffer.from(said, 'latin1'))
    socket.resume()
    await over
  })
})

describe('a connection', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** The timers of the server; those of Node's own connections go on. */
  async function withTimers(
    { address }: ListeningGate,
    act: (other: ClientHttp2Session) => Promise<void>,
  ): Promise<void> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    const other = connect(`http://${address}`)
    await Promise.all([once(other, 'connect'), once(other, 'remoteSettings')])
    await act(other)
    other.destroy()
  }

  it('is renewed when it is old, and answers what was asked on it until then', async () => {
    let answer: (given: GateAnswer) => void = () => undefined
    const gate = gateOf(
      () =>
        new Promise<GateAnswer>((resolve) => {
          answer = resolve
        }),
    )
    const server = await createGrpcServer(gate, { answerWithinMs: 3_600_000 }).listen({ port: 0 })
    await withTimers(server, async (other) => {
      const goaway = once(other, 'goaway')
      const stream = begin(other)
      const response = once(stream, 'response')
      stream.end(frame(QUESTION))
      for (let seconds = 0; seconds < 331 && !other.closed; seconds += 1) {
        vi.advanceTimersByTime(1_000)
        // The client answers signs of life in between.
        await new Promise<void>((resolve) => {
          if (other.ping(() => resolve()) === false) resolve()
        })
      }
      expect((await goaway).slice(0, 2)).toEqual([0, 2 ** 31 - 1])
      expect(other.destroyed).toBe(false)
      answer(READY)
      expect((await response)[0]).toMatchObject({ ':status': 200 })
    })
    vi.useRealTimers()
    await server.close()
  })

  it('gives up on a question that does not arrive, and goes on', async () => {
    await withTimers(listening, async (other) => {
      const stream = begin(other)
      stream.write(frame(QUESTION).subarray(0, 7))
      const response = once(stream, 'response')
      // Until the server has it.
      await new Promise<void>((resolve) => other.ping(() => resolve()))
      vi.advanceTimersByTime(30_000)
      expect((await response)[0]).toMatchObject({ 'grpc-status': '4' })
      expect(other.destroyed).toBe(false)
    })
  })

  it('is ended when its other side has died', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    const socket = createConnection(listening.port ?? 0, '127.0.0.1')
    const over = once(socket, 'close')
    // A preface with empty settings, and nothing more: neither is a ping answered.
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    socket.write(Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0))
    await once(socket, 'data')
    vi.advanceTimersByTime(30_000)
    await once(socket, 'data')
    vi.advanceTimersByTime(5_000)
    socket.resume()
    await over
  })
})

it('takes what is asked before the client has heard that the connection ends', async () => {
  const server = await createGrpcServer(gateOf(() => READY)).listen({ port: 0 })
  const other = connect(`http://${server.address}`)
  await once(other, 'remoteSettings')
  let closing: Promise<void> | undefined
  const streams = Array.from({ length: 50 }, (_, index) => {
    const stream = begin(other)
    stream.end(frame(QUESTION))
    if (index === 25) closing = server.close()
    return stream
  })
  const statuses = await Promise.all(
    streams.map(
      async (stream) => ((await once(stream, 'response'))[0] as Record<string, unknown>)[':status'],
    ),
  )
  expect(new Set(statuses)).toEqual(new Set([200]))
  for (const stream of streams) stream.resume()
  await closing
})
