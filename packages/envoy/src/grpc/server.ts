import type { Gate } from '../contracts.ts'
import { ANSWER_WITHIN_MS, CLOSE_GRACE_MS } from '../defaults.ts'
import { checkMethod } from './check.ts'
import { createConnections, type TlsOptions } from './connections.ts'
import { type ListenOptions, openDoor } from './door.ts'
import { createHealth } from './health.ts'
import { CHECK_PATH, HEALTH_CHECK_PATH, HEALTH_WATCH_PATH } from './paths.ts'
import type { CheckOptions } from './register.ts'

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
  readonly tls?: TlsOptions
}

/** A gRPC server of `envoy.service.auth.v3.Authorization` and `grpc.health.v1.Health` before it listens. */
export interface GrpcServer {
  /**
   * May be called again for a further address; each of them closes by itself.
   * @throws MediaError MEDIA_CONFLICT where somebody listens on the path, MEDIA_UNAVAILABLE where it cannot be listened.
   */
  listen(where: ListenOptions): Promise<ListeningGate>
}

/**
 * The gate over gRPC, as Envoy's ext_authz filter asks it. Every question is answered with a CheckResponse, in time.
 * Messages are taken uncompressed, up to 128 KiB; 1,000 calls at once on a connection.
 * @see docs/design/0020-gate-codec.md
 */
export function createGrpcServer(gate: Gate, options: GrpcServerOptions = {}): GrpcServer {
  return {
    async listen(where) {
      const health = createHealth()
      const methods = new Map([
        [CHECK_PATH, checkMethod(gate, options.answerWithinMs ?? ANSWER_WITHIN_MS)],
        [HEALTH_CHECK_PATH, health.check],
        [HEALTH_WATCH_PATH, health.watch],
      ])
      const connections = createConnections({ methods, tls: options.tls, isLocal: 'path' in where })
      const door = await openDoor(where, connections.take)
      let closing: Promise<void> | undefined
      return {
        ...door.at,
        close({ graceMs = CLOSE_GRACE_MS } = {}) {
          closing ??= (async () => {
            health.drain()
            connections.drain()
            await door.close(graceMs)
          })()
          return closing
        },
      }
    },
  }
}
