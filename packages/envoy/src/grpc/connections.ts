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

interface Connection {
  readonly session: ServerHttp2Session
  /** What it is written to; absent over TLS. */
  readonly plain: Socket | undefined
}

/** The largest id of a stream: whatever the client has begun by then is still taken. */
const ANY_STREAM = 2 ** 31 - 1

/** How much the ages at which connections are renewed differ from the mean. */
const AGE_SPREAD_RATIO = 0.1
/** A connection that its client has not ended by then is cut off, whatever its own age. */
const LONGEST_CONNECTION_MS = MAX_CONNECTION_AGE_MS * (1 + AGE_SPREAD_RATIO) + CONNECTION_AGE_GRACE_MS

/**
 * The same, by hand: after a GOAWAY of its own Node passes over what begins, and reads no more once nothing is under
 * way. It writes whole frames at a time, so that this comes between two of them. Not over TLS, whose socket takes no
 * second writer.
 */
const GOAWAY = Buffer.of(0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0)

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
  const open = new Set<Connection>()
  let isDraining = false
  /** Without TLS its session begins while it is taken. */
  let arriving: Socket | undefined
  // What is wrong with a connection ends it, and is between it and its client.
  server.on('sessionError', () => undefined)
  server.on('session', (session: ServerHttp2Session) => {
    const address = session.socket.remoteAddress
    // It is gone already. To whoever judges by addresses, none would mean a unix socket.
    if (address === undefined && !isLocal) {
      session.destroy()
      return
    }
    const connection = { session, plain: arriving }
    open.add(connection)
    const stop = watch(connection, (address ?? '').replace(/^::ffff:(?=\d+\.)/, ''), methods)
    session.once('close', () => {
      open.delete(connection)
      stop()
    })
    // Its handshake of TLS ended after the others were told.
    if (isDraining) retire(connection)
  })
  return {
    take(socket) {
      // Not the session: Node waits for what is still to be written, of one that it destroyed too, and a client that
      // reads nothing would keep its socket for ever.
      const end = setTimeout(() => socket.destroy(), LONGEST_CONNECTION_MS)
      socket.once('close', () => clearTimeout(end))
      arriving = tls === undefined ? socket : undefined
      server.emit('connection', socket)
      arriving = undefined
    },
    drain() {
      isDraining = true
      for (const connection of open) retire(connection)
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
  connection: Connection,
  peerAddress: string,
  methods: ReadonlyMap<string, Method>,
): () => void {
  const { session } = connection
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
  const ageMs = MAX_CONNECTION_AGE_MS * (1 + AGE_SPREAD_RATIO * (2 * Math.random() - 1))
  const age = setTimeout(() => retire(connection), ageMs)
  return () => {
    clearInterval(keepalive)
    for (const timer of [unheard, age]) clearTimeout(timer)
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
function retire({ session, plain }: Connection): void {
  // Its settings have to be the first that a client hears: they are written by then.
  setImmediate(() => {
    if (session.closed || session.destroyed) return
    // What came while this process was busy for so long is read between timers and this: it was asked in time.
    const heard = setTimeout(() => setImmediate(() => session.close()), GOAWAY_NOTICE_MS)
    session.once('close', () => clearTimeout(heard))
    if (plain === undefined) session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM)
    else plain.write(GOAWAY)
    session.ping(() => session.close())
  })
}
