import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerOptions,
} from 'node:http2'
import type { Socket } from 'node:net'
import {
  CONNECTION_AGE_GRACE_MS,
  GOAWAY_NOTICE_MS,
  KEEPALIVE_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_CONCURRENT_CHECKS,
  MAX_CONNECTION_AGE_MS,
  MAX_CONNECTION_MIB,
  MESSAGE_TIMEOUT_MS,
} from '../defaults.ts'
import type { Method } from './call.ts'
import { answerStream, type UnreadCall } from './http2-call.ts'

/** PEM, all of it. With an `authority` only clients with a certificate of it are served. */
export interface TlsOptions {
  readonly certificate: string
  readonly key: string
  readonly authority?: string
}

/** Connections over which calls come in. */
export interface Connections {
  /** Serves it from here on, until one of the two sides ends it. */
  take(socket: Socket): void
  /** Asks every client to end its connection once its calls are answered, and takes no new call where it has heard. */
  drain(): void
}

/** The largest id of a stream: whatever the client has begun by then is still taken. */
const ANY_STREAM = 2 ** 31 - 1

const OPTIONS: ServerOptions = {
  settings: { maxConcurrentStreams: MAX_CONCURRENT_CHECKS },
  maxSessionMemory: MAX_CONNECTION_MIB,
}

export interface ConnectionsOptions {
  readonly methods: ReadonlyMap<string, Method>
  readonly tls: TlsOptions | undefined
  /** They come in by a unix socket, and have no address. */
  readonly isLocal: boolean
}

export function createConnections({ methods, tls, isLocal }: ConnectionsOptions): Connections {
  const server = serverOf(tls)
  const sessions = new Set<ServerHttp2Session>()
  // What is wrong with a connection ends it, and is between it and its client.
  server.on('sessionError', () => undefined)
  server.on('session', (session: ServerHttp2Session) => {
    const address = session.socket.remoteAddress
    // It is gone already. To whoever judges by addresses, none would mean a unix socket.
    if (address === undefined && !isLocal) {
      session.destroy()
      return
    }
    sessions.add(session)
    const stop = watch(session, (address ?? '').replace(/^::ffff:(?=\d+\.)/, ''), methods)
    session.once('close', () => {
      sessions.delete(session)
      stop()
    })
  })
  return {
    take: (socket) => void server.emit('connection', socket),
    drain() {
      for (const session of sessions) retire(session)
    },
  }
}

function serverOf(tls: TlsOptions | undefined): Http2Server | Http2SecureServer {
  if (tls === undefined) return createServer(OPTIONS)
  const { certificate, key, authority } = tls
  const asked = authority === undefined ? {} : { ca: authority, requestCert: true, rejectUnauthorized: true }
  return createSecureServer({ ...OPTIONS, cert: certificate, key, ...asked })
}

/** Answers its calls, and ends it when it is dead, or old. Returns how to stop its timers. */
function watch(
  session: ServerHttp2Session,
  peerAddress: string,
  methods: ReadonlyMap<string, Method>,
): () => void {
  const reading = new Set<UnreadCall>()
  const context = { methods, peerAddress, reading }
  session.on('error', () => undefined) // it closes
  session.on('stream', (stream, headers) => answerStream(stream, headers, context))

  let unheard: NodeJS.Timeout | undefined
  const keepalive = setInterval(() => {
    giveUpLate(reading)
    if (unheard !== undefined || session.destroyed) return
    unheard = setTimeout(() => {
      // A process that was busy for so long has not read its answer yet: reading comes between timers and this.
      setImmediate(() => unheard !== undefined && session.destroy())
    }, KEEPALIVE_TIMEOUT_MS)
    session.ping(() => {
      clearTimeout(unheard)
      unheard = undefined
    })
  }, KEEPALIVE_MS)
  // Not all at once: connections that began together would be renewed together for ever.
  const ageMs = MAX_CONNECTION_AGE_MS * (0.9 + 0.2 * Math.random())
  const age = setTimeout(() => retire(session), ageMs)
  const end = setTimeout(() => session.destroy(), ageMs + CONNECTION_AGE_GRACE_MS)
  return () => {
    clearInterval(keepalive)
    for (const timer of [unheard, age, end]) clearTimeout(timer)
  }
}

function giveUpLate(reading: ReadonlySet<UnreadCall>): void {
  const beforeMs = Date.now() - MESSAGE_TIMEOUT_MS
  for (const call of reading) {
    // In the order of their beginning.
    if (call.startedMs > beforeMs) return
    call.giveUp()
  }
}

/**
 * Ends it without losing a call: what the client begins before it hears of the end is still taken. When it has answered
 * the ping it has heard; one of Node answers none by then. @see RFC 9113 section 6.8
 */
function retire(session: ServerHttp2Session): void {
  if (session.closed || session.destroyed) return
  const heard = setTimeout(() => session.close(), GOAWAY_NOTICE_MS)
  session.once('close', () => clearTimeout(heard))
  session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM)
  session.ping(() => session.close())
}
