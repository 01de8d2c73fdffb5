import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { letsThrough, readResponse } from '../codec/proto.fixture.ts'
import { gateOf, QUESTION, READY } from './client.fixture.ts'
import { AUTHORIZATION } from './definitions.ts'
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
      ':path': AUTHORIZATION.check.path,
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

it('outlives 1,000 streams that are reset while they are asked', async () => {
  for (let count = 0; count < 1_000; count++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': AUTHORIZATION.check.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => undefined)
    stream.write(frame(QUESTION))
    stream.close(8)
  }
  // Node ends a connection that resets too many streams, as it should: the next one is served.
  if (session.destroyed || session.closed) session = connect(`http://${listening.address}`)
  expect(await post(frame(QUESTION)).catch(() => undefined)).toBeDefined()
  const other = connect(`http://${listening.address}`)
  session.destroy()
  session = other
  expect(await post(frame(QUESTION))).toEqual(allowed)
})
