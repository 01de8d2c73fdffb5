import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { MAX_CHECK_BYTES } from '../defaults.ts'
import { GRPC_STATUS, type GrpcStatus, type Method, type StreamingCall } from './call.ts'
import { deadlineOf } from './deadline.ts'
import { createMessageReader, framed } from './framing.ts'

const CONTENT_TYPE = 'application/grpc'
const ANSWER_HEADERS = { ':status': 200, 'content-type': CONTENT_TYPE }
// No date: nobody reads it, and it is written anew for each answer.
const ANSWER_OPTIONS = { waitForTrailers: true, sendDate: false }
const LAST_OPTIONS = { endStream: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0' }

export interface Http2CallContext {
  readonly methods: ReadonlyMap<string, Method>
  /** IP of the other side of the connection; empty where it is a unix socket. */
  readonly peerAddress: string
  /** Told of each call whose message has not come yet, and again when it has: how to give up on it. */
  readonly reading: Set<UnreadCall>
}

/** A call whose message is still on its way. */
export interface UnreadCall {
  readonly startedMs: number
  giveUp(): void
}

/**
 * Answers one stream of HTTP/2 as a call of gRPC. The stream may be reset by the client at any time: each step looks
 * whether it is still there, and what Node throws all the same ends the stream, never the process.
 */
export function answerStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { methods, peerAddress, reading }: Http2CallContext,
): void {
  // A stream that breaks is over for the client too; `close` follows, which is what is listened to.
  stream.on('error', ignore)
  const refusal = httpRefusal(headers)
  if (refusal !== undefined) {
    endWith(stream, { ':status': refusal })
    return
  }
  const method = methods.get(headers[':path'] as string)
  if (method === undefined) {
    fail(stream, GRPC_STATUS.unimplemented, 'no such method')
    return
  }
  const encoding = headers['grpc-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    // The codings that are taken are told, as the protocol asks for.
    fail(stream, GRPC_STATUS.unimplemented, 'compressed messages are not taken', {
      'grpc-accept-encoding': 'identity',
    })
    return
  }
  const deadlineMs = deadlineOf(headers['grpc-timeout'] as string | undefined)
  if (deadlineMs === undefined) {
    fail(stream, GRPC_STATUS.internal, 'grpc-timeout is none')
    return
  }
  const message = createMessageReader(MAX_CHECK_BYTES)
  const unread: UnreadCall = {
    startedMs: Date.now(),
    giveUp() {
      reading.delete(unread)
      fail(stream, GRPC_STATUS.deadlineExceeded, 'the message did not come in time')
    },
  }
  reading.add(unread)
  stream.on('data', (chunk: Buffer) => {
    const fault = message.take(chunk)
    if (fault === undefined) return
    reading.delete(unread)
    fail(stream, fault.status, fault.details)
  })
  stream.on('end', () => {
    // It is not there any more where the stream was refused, or given up, before its end.
    if (!reading.delete(unread)) return
    const read = message.finish()
    if ('status' in read) fail(stream, read.status, read.details)
    else method(callOf(stream, peerAddress, deadlineMs), read)
  })
  stream.on('close', () => reading.delete(unread))
}

function ignore(): void {}

/** The status of HTTP where it is no call of gRPC. */
function httpRefusal({ ':method': method, 'content-type': type }: IncomingHttpHeaders): number | undefined {
  if (method !== 'POST') return 405
  if (type === undefined || !type.startsWith(CONTENT_TYPE)) return 415
  const rest = type.charAt(CONTENT_TYPE.length)
  return rest === '' || rest === '+' || rest === ';' ? undefined : 415
}

function callOf(stream: ServerHttp2Stream, peerAddress: string, deadlineMs: number): StreamingCall {
  let status: GrpcStatus = GRPC_STATUS.ok
  const begin = (): void => {
    stream.respond(ANSWER_HEADERS, ANSWER_OPTIONS)
    stream.on('wantTrailers', () => {
      attempt(stream, () =>
        stream.sendTrailers(status === GRPC_STATUS.ok ? OK_TRAILERS : { 'grpc-status': String(status) }),
      )
    })
  }
  return {
    peerAddress,
    deadlineMs,
    reply(message) {
      attempt(stream, () => {
        begin()
        stream.end(framed(message))
      })
    },
    send(message) {
      attempt(stream, () => {
        if (!stream.headersSent) begin()
        stream.write(framed(message))
      })
    },
    end(given, details = '') {
      if (!stream.headersSent) {
        fail(stream, given, details)
        return
      }
      status = given
      attempt(stream, () => stream.end())
    },
    onceOver(listener) {
      if (isGone(stream)) listener()
      else stream.once('close', listener)
    },
  }
}

/** A code alone, without a message: it stands in the headers. */
function fail(
  stream: ServerHttp2Stream,
  status: GrpcStatus,
  details: string,
  more: Readonly<Record<string, string>> = {},
): void {
  endWith(stream, {
    ...ANSWER_HEADERS,
    'grpc-status': String(status),
    'grpc-message': encodeURIComponent(details).replaceAll('%20', ' '),
    ...more,
  })
}

/** Answers by headers alone, and takes nothing more of what the client still sends. */
function endWith(stream: ServerHttp2Stream, headers: Readonly<Record<string, string | number>>): void {
  attempt(stream, () => {
    if (stream.headersSent) return
    stream.removeAllListeners('data')
    stream.respond(headers, LAST_OPTIONS)
    stream.close(constants.NGHTTP2_NO_ERROR)
  })
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed
}

function attempt(stream: ServerHttp2Stream, act: () => void): void {
  if (isGone(stream)) return
  try {
    act()
  } catch {
    // The client reset it, or the connection broke, between the look and the act.
    stream.destroy()
  }
}
