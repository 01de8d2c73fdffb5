import type { Gate } from '../contracts.ts'
import { ANSWER_WITHIN_MS } from '../defaults.ts'
import { checkHandler } from './check.ts'
import { AUTHORIZATION } from './definitions.ts'

/** What is needed of a `Server` of @grpc/grpc-js. */
export interface ServiceRegistry {
  addService(definition: object, implementation: object): void
}

export interface CheckOptions {
  /** A question that is not answered after this time, or 20 ms before its deadline, is refused with 503. Default 150. */
  readonly answerWithinMs?: number
}

/**
 * Answers `envoy.service.auth.v3.Authorization/Check` on a server of the host's own: its listeners, credentials and
 * health stay the host's. Give that server a `grpc.max_receive_message_length`.
 */
export function registerExtAuthz(server: ServiceRegistry, gate: Gate, options: CheckOptions = {}): void {
  const check = checkHandler(gate, options.answerWithinMs ?? ANSWER_WITHIN_MS)
  server.addService(AUTHORIZATION, { check })
}
