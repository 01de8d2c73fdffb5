import type { Server, ServerCredentials, ServerOptions } from '@grpc/grpc-js'
import type { Gate } from '../contracts.ts'
import {
  CLOSE_GRACE_MS,
  CONNECTION_AGE_GRACE_MS,
  KEEPALIVE_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_CHECK_BYTES,
  MAX_CONCURRENT_CHECKS,
  MAX_CONNECTION_AGE_MS,
} from '../defaults.ts'
import { HEALTH } from './definitions.ts'
import { type Door, type ListenOptions, openDoor } from './door.ts'
import { createHealth, type Health } from './health.ts'
import { loadGrpc } from './load.ts'
import { type CheckOptions, registerExtAuthz } from './register.ts'

/** A gate that answers. */
export interface ListeningGate {
  /** `host:port`, or the path of the socket. */
  readonly address: string
  /** Absent where it is a unix socket. */
  readonly port?: number
  /**
   * Says "not serving" to health checks, takes no more questions, waits at most `graceMs` (default 5,000) for those
   * under way, then cuts them off. Idempotent. Leaves no handle; the gate itself stays open.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

export interface GrpcServerOptions extends CheckOptions {
  /** With it proxies connect by TLS, and with an `authority` only those with a certificate of it. PEM, all of it. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly authority?: string }
}

/** A gRPC server of `envoy.service.auth.v3.Authorization` and `grpc.health.v1.Health` before it listens. */
export interface GrpcServer {
  /**
   * May be called again for a further address; each of them closes by itself.
   * @throws MediaError MEDIA_UNSUPPORTED without @grpc/grpc-js, MEDIA_CONFLICT where somebody listens on the path,
   * MEDIA_UNAVAILABLE where it cannot be listened.
   */
  listen(where: ListenOptions): Promise<ListeningGate>
}

const SERVER_OPTIONS: ServerOptions = {
  'grpc.max_receive_message_length': MAX_CHECK_BYTES,
  'grpc.max_connection_age_ms': MAX_CONNECTION_AGE_MS,
  'grpc.max_connection_age_grace_ms': CONNECTION_AGE_GRACE_MS,
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.max_concurrent_streams': MAX_CONCURRENT_CHECKS,
  // It keeps a record of every connection and stream there is, and grows.
  'grpc.enable_channelz': 0,
}

/** The gate over gRPC, as Envoy's ext_authz filter asks it. Every question is answered; see `registerExtAuthz`. */
export function createGrpcServer(gate: Gate, options: GrpcServerOptions = {}): GrpcServer {
  return {
    async listen(where) {
      const grpc = await loadGrpc()
      const server = new grpc.Server(SERVER_OPTIONS)
      const health = createHealth()
      registerExtAuthz(server, gate, options)
      server.addService(HEALTH, { check: health.check, watch: health.watch })
      const door = await openDoor(
        where,
        server.createConnectionInjector(credentialsOf(grpc.ServerCredentials, options.tls)),
      )
      return { ...door.at, close: closerOf(server, health, door) }
    },
  }
}

function credentialsOf(factory: typeof ServerCredentials, tls: GrpcServerOptions['tls']): ServerCredentials {
  if (tls === undefined) return factory.createInsecure()
  const { certificate, key, authority } = tls
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }
  const isChecked = authority !== undefined
  return factory.createSsl(isChecked ? Buffer.from(authority) : null, [pair], isChecked)
}

function closerOf(server: Server, health: Health, door: Door): ListeningGate['close'] {
  let closing: Promise<void> | undefined
  return ({ graceMs = CLOSE_GRACE_MS } = {}) => {
    closing ??= (async () => {
      health.drain()
      const shut = new Promise<void>((onShut) => server.tryShutdown(() => onShut()))
      await Promise.all([door.close(graceMs), shut])
    })()
    return closing
  }
}
