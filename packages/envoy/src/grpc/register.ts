import type { Gate } from '../contracts.ts'
import { ANSWER_WITHIN_MS } from '../defaults.ts'
import { checkMethod } from './check.ts'
import { CHECK_PATH } from './paths.ts'

/** What is needed of a `Server` of @grpc/grpc-js. */
export interface ServiceRegistry {
  addService(definition: object, implementation: object): void
}

export interface CheckOptions {
  /** A question that is not answered after this time, or 20 ms before its deadline, is refused with 503. Default 150. */
  readonly answerWithinMs?: number
}

/** What is needed of a `ServerUnaryCall` of it. */
interface UnaryCall {
  readonly request: Buffer
  getDeadline(): Date | number
  getPeer(): string
  once(event: 'cancelled', listener: () => void): unknown
}

const asIs = (bytes: Buffer): Buffer => bytes

/** The service as grpc-js takes it. Messages go in and out as bytes: no .proto is needed at run time. */
const DEFINITION = {
  check: {
    path: CHECK_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

/**
 * Answers `envoy.service.auth.v3.Authorization/Check` on a server of @grpc/grpc-js (1.14.4 or newer: older ones can be
 * crashed) that the host has already: its listeners, credentials and health stay the host's. Give that server a
 * `grpc.max_receive_message_length`. `extAuthzServer` needs no such server, and answers faster.
 */
export function registerExtAuthz(server: ServiceRegistry, gate: Gate, options: CheckOptions = {}): void {
  const check = checkMethod(gate, options.answerWithinMs ?? ANSWER_WITHIN_MS)
  server.addService(DEFINITION, {
    check(call: UnaryCall, respond: (error: null, message: Buffer) => void): void {
      check(
        {
          peerAddress: addressOf(call.getPeer()),
          deadlineMs: Number(call.getDeadline()),
          reply: (message) => respond(null, message),
          onceOver: (listener) => void call.once('cancelled', listener),
        },
        call.request,
      )
    },
  })
}

/** Of `address:port`. Empty where it is a unix socket, which grpc-js calls `unknown`. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon === -1 ? '' : peer.slice(0, colon).replace(/^::ffff:(?=\d+\.)/, '')
}
