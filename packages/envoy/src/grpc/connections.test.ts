import { once } from 'node:events'
import { connect } from 'node:http2'
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Method } from './call.ts'
import { type Connections, createConnections } from './connections.ts'
import { framed } from './framing.ts'

/*
 * Connections to clients that do not behave, by frames that are written by hand.
 */

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const FRAME = { data: 0, headers: 1, settings: 4, goaway: 7, windowUpdate: 8 }
const END_STREAM = 1
const END_HEADERS = 4

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

function literal(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.of(0, name.length),
    Buffer.from(name),
    Buffer.of(value.length),
    Buffer.from(value),
  ])
}

const HEADERS = Buffer.concat([
  literal(':method', 'POST'),
  literal(':scheme', 'http'),
  literal(':path', '/a/B'),
  literal(':authority', 'gate'),
  literal('content-type', 'application/grpc'),
])

function question(stream: number): Buffer {
  return Buffer.concat([
    frame(FRAME.headers, END_HEADERS, stream, HEADERS),
    frame(FRAME.data, END_STREAM, stream, framed(Buffer.from('question'))),
  ])
}

/** The frames in what came, by type and stream. */
function* framesOf(bytes: Buffer): Generator<{ readonly type: number; readonly stream: number }> {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    yield { type: bytes.readUInt8(at + 3), stream: bytes.readUInt32BE(at + 5) }
}

let server: Server
let port: number
let connections: Connections
let method: Method

beforeEach(async () => {
  method = (call) => call.reply(Buffer.from('answer'))
  const methods = new Map<string, Method>([['/a/B', (call, message) => method(call, message)]])
  connections = createConnections({ methods, tls: undefined, isLocal: false })
  server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(async () => {
  vi.useRealTimers()
  server.close()
  await once(server, 'close')
})

/** Both ends of a connection that is not taken yet. */
async function dial(): Promise<{ readonly client: Socket; readonly served: Socket }> {
  const client = createConnection(port, '127.0.0.1')
  client.on('error', () => undefined)
  const [[served]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    unknown,
  ]
  return { client, served }
}

it('is cut off when it is old, also where its client reads nothing of what is written to it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  let asked = 0
  method = (call) => {
    asked += 1
    call.reply(Buffer.alloc(1_000_000))
  }
  const { client, served } = await dial()
  const over = once(served, 'close')
  connections.take(served)
  const window = Buffer.alloc(4)
  window.writeUInt32BE(2 ** 30)
  const initialWindow = Buffer.concat([Buffer.of(0, 4), window])
  client.write(
    Buffer.concat([
      PREFACE,
      frame(FRAME.settings, 0, 0, initialWindow),
      frame(FRAME.windowUpdate, 0, 0, window),
    ]),
  )
  for (let count = 0; count < 40; count++) client.write(question(1 + 2 * count))
  // Until no more fits on the way.
  for (let idle = 0, seen = 0; asked < 3 || idle < 100; idle++) {
    if (seen !== asked) idle = 0
    seen = asked
    await new Promise(setImmediate)
  }
  // A sign of life is asked for, none comes, and the session is destroyed: its socket waits for what is unwritten.
  vi.advanceTimersByTime(35_000)
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  expect(served.destroyed).toBe(false)
  vi.advanceTimersByTime(5.5 * 60_000 + 10_000)
  await over
  expect(vi.getTimerCount()).toBe(0)
  client.destroy()
})

it('is told to end when it begins while the others drain', async () => {
  const { client, served } = await dial()
  connections.drain()
  connections.take(served)
  const session = connect('http://gate', { createConnection: () => client })
  session.on('error', () => undefined)
  const [code, last] = (await once(session, 'goaway')) as [number, number]
  expect([code, last]).toEqual([0, 2 ** 31 - 1])
  await once(served, 'close')
})

/** A client that is told to end its connection, and asks once more before it acts on that. */
async function askWhenTold(busyMs: number): Promise<void> {
  const { client, served } = await dial()
  connections.take(served)
  let heard: Buffer = Buffer.alloc(0)
  client.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk])
  })
  const hears = async (type: number): Promise<void> => {
    while (![...framesOf(heard)].some((each) => each.type === type)) await once(client, 'data')
  }
  client.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]))
  await hears(FRAME.settings)
  connections.drain()
  await hears(FRAME.goaway)
  client.write(question(1))
  const untilMs = Date.now() + busyMs
  while (Date.now() < untilMs);
  await once(client, 'close')
  expect([...framesOf(heard)]).toContainEqual({ type: FRAME.data, stream: 1 })
}

it('answers what is asked before its client acts on the end, also where nothing was under way', () =>
  askWhenTold(0))

it('answers that as well when this process was busy until the time to hear was over', () => askWhenTold(200))
