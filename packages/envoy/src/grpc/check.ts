import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js'
import { answerInTime } from '../answer-in-time.ts'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { MALFORMED, UNANSWERED } from '../codec/fixed-answers.ts'
import { readCheckRequest } from '../codec/read-check.ts'
import type { Gate, GateAnswer, GateRequest } from '../contracts.ts'
import { DEADLINE_MARGIN_MS } from '../defaults.ts'
import { isPromise } from '../is-promise.ts'

type CheckCall = ServerUnaryCall<Buffer, Buffer>

/**
 * Answers every question that arrives, with a CheckResponse and in time. A gRPC error would be the proxy's to read, and
 * a late answer none at all: either becomes a refusal without Retry-After, or with `failure_mode_allow` a request that
 * goes through.
 */
export function checkHandler(gate: Gate, answerWithinMs: number): handleUnaryCall<Buffer, Buffer> {
  return (call, respond) => {
    const lastMs = deadlineMs(call) - DEADLINE_MARGIN_MS
    const byMs = Math.min(lastMs, Date.now() + answerWithinMs)
    const answer = ask(gate, call, byMs)
    const tell = (told: GateAnswer): void => respond(null, encodeAnswer(told))
    if (isPromise(answer)) call.once('cancelled', answerInTime(answer, { byMs, lastMs }, tell))
    else tell(answer)
  }
}

function ask(gate: Gate, call: CheckCall, byMs: number): GateAnswer | Promise<GateAnswer> {
  let question: GateRequest
  try {
    question = readCheckRequest(call.request, {
      proxyAddress: addressOf(call.getPeer()),
      deadlineMs: byMs,
    })
  } catch {
    return MALFORMED
  }
  try {
    return gate.check(question)
  } catch {
    return UNANSWERED
  }
}

/** Ms since the epoch; infinite without a deadline. */
function deadlineMs(call: CheckCall): number {
  return Number(call.getDeadline())
}

/** Of `address:port`. Empty where it is a unix socket, which grpc-js calls `unknown`. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon === -1 ? '' : peer.slice(0, colon).replace(/^::ffff:(?=\d+\.)/, '')
}
