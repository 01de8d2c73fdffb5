import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { GRPC_STATUS, type Method, type StreamingCall } from './call.ts'
import { framed } from './framing.ts'
import { answerStream, type UnreadCall } from './http2-call.ts'

/*
 * However a call ends, nothing of it is left at the server.
 */

const QUESTION = framed(Buffer.from('question'))
const ANSWER = Buffer.from('answer')

let server: Http2Server
let session: ClientHttp2Session
let method: Method
const open = new Set<ServerHttp2Stream>()
const reading = new Set<UnreadCall>()

beforeEach(async () => {
  method = (call) => call.reply(ANSWER)
  const methods = new Map<string, Method>([['/a/B', (call, message) => method(call, message)]])
  server = createServer()
  server.on('stream', (stream, headers) => {
    open.add(stream)
    stream.once('close', () => open.delete(stream))
    answerStream(stream, headers, { methods, peerAddress: 'peer', reading })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on('error', () => undefined)
})

afterEach(async () => {
  session.destroy()
  server.close()
  await once(server, 'close')
})

interface Told {
  readonly headers: Record<string, unknown>
  readonly body: Buffer
}

function begin(headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/a/B',
    'content-type': 'application/grpc',
    ...headers,
  })
  stream.on('error', () => undefined)
  return stream
}

async function hear(stream: ClientHttp2Stream): Promise<Told> {
  const headers: Record<string, unknown> = {}
  const chunks: Buffer[] = []
  stream.on('response', (given) => Object.assign(headers, given))
  stream.on('trailers', (given) => Object.assign(headers, given))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => stream.once('close', resolve))
  return { headers, body: Buffer.concat(chunks) }
}

async function nothingIsLeft(): Promise<void> {
  await vi.waitFor(() => expect([open.size, reading.size]).toEqual([0, 0]), { timeout: 5_000 })
}

it.each<readonly [string, Record<string, string>, Buffer, Record<string, unknown>]>([
  ['an answer', {}, QUESTION, { ':status': 200, 'grpc-status': '0' }],
  ['a method that is not there', { ':path': '/a/C' }, Buffer.alloc(40_000), { 'grpc-status': '12' }],
  ['another method of HTTP', { ':method': 'PUT' }, Buffer.alloc(40_000), { ':status': 405 }],
  ['another content type', { 'content-type': 'text/plain' }, Buffer.alloc(40_000), { ':status': 415 }],
  ['compression', { 'grpc-encoding': 'gzip' }, Buffer.alloc(40_000), { 'grpc-status': '12' }],
  ['a timeout that is none', { 'grpc-timeout': '1' }, Buffer.alloc(40_000), { 'grpc-status': '13' }],
  ['a message that is too large', {}, framed(Buffer.alloc(200_000)), { 'grpc-status': '8' }],
  ['several messages', {}, Buffer.concat([QUESTION, QUESTION]), { 'grpc-status': '13' }],
  ['no message', {}, Buffer.alloc(0), { 'grpc-status': '13' }],
])('is left after %s', async (_what, headers, body, told) => {
  const stream = begin(headers)
  stream.end(body)
  expect((await hear(stream)).headers).toMatchObject(told)
  await nothingIsLeft()
})

it('says who asks and until when, and sends the message as it is', async () => {
  const calls: StreamingCall[] = []
  method = (call, message) => {
    calls.push(call)
    call.reply(message)
  }
  const before = Date.now()
  const stream = begin({ 'grpc-timeout': '2S' })
  stream.end(QUESTION)
  expect((await hear(stream)).body).toEqual(QUESTION)
  expect(calls[0]?.peerAddress).toBe('peer')
  expect(calls[0]?.deadlineMs).toBeGreaterThanOrEqual(before + 2_000)
  expect(calls[0]?.deadlineMs).toBeLessThanOrEqual(Date.now() + 2_000)
})

it('sends several messages and a code, and writes the words of a refusal as the protocol wants them', async () => {
  method = (call) => {
    call.send(ANSWER)
    call.send(ANSWER)
    call.end(GRPC_STATUS.notFound)
  }
  const several = begin()
  several.end(QUESTION)
  expect(await hear(several)).toMatchObject({
    headers: { 'grpc-status': '5' },
    body: Buffer.concat([framed(ANSWER), framed(ANSWER)]),
  })
  method = (call) => call.end(GRPC_STATUS.invalidArgument, 'no 100 %\n')
  const refused = begin()
  refused.end(QUESTION)
  expect((await hear(refused)).headers).toMatchObject({
    'grpc-status': '3',
    'grpc-message': 'no 100 %25%0A',
  })
  await nothingIsLeft()
})

it('drops what is said to a client that has left, and says that it left', async () => {
  const calls: StreamingCall[] = []
  let left = 0
  method = (call) => {
    calls.push(call)
    call.onceOver(() => {
      left += 1
    })
  }
  const streams = Array.from({ length: 20 }, () => begin())
  for (const stream of streams) stream.end(QUESTION)
  await vi.waitFor(() => expect(calls.length).toBe(20), { timeout: 5_000 })
  for (const stream of streams) stream.close(8)
  await nothingIsLeft()
  expect(left).toBe(20)
  for (const call of calls) {
    call.reply(ANSWER)
    call.send(ANSWER)
    call.end(GRPC_STATUS.internal, 'late')
    call.onceOver(() => {
      left += 1
    })
  }
  expect(left).toBe(40)
})

it('keeps nothing of questions that break off, and of those that are given up', async () => {
  for (let count = 0; count < 10; count++) {
    const stream = begin()
    stream.write(QUESTION.subarray(0, count))
    if (count % 2 === 0) setTimeout(() => stream.close(8), count)
  }
  await vi.waitFor(() => expect(reading.size).toBe(5), { timeout: 5_000 })
  const late = begin()
  const heard = hear(late)
  await vi.waitFor(() => expect(reading.size).toBe(6), { timeout: 5_000 })
  for (const call of [...reading]) call.giveUp()
  expect((await heard).headers).toMatchObject({ 'grpc-status': '4' })
  await nothingIsLeft()
})

it('keeps nothing of a connection that breaks', async () => {
  method = () => undefined
  for (let count = 0; count < 10; count++) begin().end(count % 2 === 0 ? QUESTION : undefined)
  begin().write(QUESTION.subarray(0, 3))
  await vi.waitFor(() => expect(open.size).toBeGreaterThan(5), { timeout: 5_000 })
  session.destroy()
  await nothingIsLeft()
})
