import { ANSWER_WITHIN_MS } from './defaults.ts'
import { checkAnswerWithin } from './gate/check-options.ts'
import type { GateCounts } from './gate/gate.ts'
import { createGate } from './gate/gate.ts'
import type { GateOptions } from './gate/options.ts'
import type { ListenOptions } from './grpc/door.ts'
import { createGrpcServer, type GrpcServerOptions, type ListeningGate } from './grpc/server.ts'

export interface ExtAuthzServerOptions extends GateOptions, GrpcServerOptions {}

export interface ExtAuthzServer extends AsyncDisposable {
  /**
   * Begins to answer. May be called again for a further address.
   * @throws MediaError MEDIA_CONFLICT where somebody listens on the path, MEDIA_UNAVAILABLE where it cannot be listened.
   */
  listen(where: ListenOptions): Promise<ListeningGate>
  readonly counts: GateCounts
  /** Closes all that listens, as `ListeningGate.close` does, then the gate. Idempotent. The store stays open: it is the host's. */
  close(options?: { readonly graceMs?: number }): Promise<void>
}

/**
 * The gate over gRPC: Envoy's ext_authz filter asks it whether a media is ready, loading or missing before the request goes on.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`, also when `authorize` is absent.
 * @example
 * await extAuthzServer({ store, authorize }).listen({ port: 9191 })
 */
export function extAuthzServer(options: ExtAuthzServerOptions): ExtAuthzServer {
  const { tls, answerWithinMs = ANSWER_WITHIN_MS, ...rest } = options
  checkAnswerWithin(answerWithinMs)
  const gate = createGate(rest)
  const server = createGrpcServer(gate, { answerWithinMs, ...(tls === undefined ? {} : { tls }) })
  const listening: ListeningGate[] = []
  const close: ExtAuthzServer['close'] = async (how) => {
    // The gate last: what is under way is still answered as it should be.
    await Promise.all(listening.map((each) => each.close(how)))
    gate.close()
  }
  return {
    async listen(where) {
      const begun = await server.listen(where)
      listening.push(begun)
      return begun
    },
    get counts() {
      return gate.counts
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}
