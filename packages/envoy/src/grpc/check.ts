import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js'
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
    const answer = ask(gate, call)
    if (!isPromise(answer)) {
      respond(null, encodeAnswer(answer))
      return
    }
    let isOpen = true
    const settle = (settled: GateAnswer): void => {
      if (!isOpen) return
      isOpen = false
      clearTimeout(timer)
      respond(null, encodeAnswer(settled))
    }
    const timer = setTimeout(settle, waitMs(call, answerWithinMs), UNANSWERED)
    call.once('cancelled', () => {
      isOpen = false
      clearTimeout(timer)
    })
    answer.then(settle, () => settle(UNANSWERED))
  }
}

function ask(gate: Gate, call: CheckCall): GateAnswer | Promise<GateAnswer> {
  let question: GateRequest
  try {
    question = readCheckRequest(call.request, {
      proxyAddress: addressOf(call.getPeer()),
      deadlineMs: deadlineMs(call),
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

function waitMs(call: CheckCall, answerWithinMs: number): number {
  return Math.max(0, Math.min(deadlineMs(call) - DEADLINE_MARGIN_MS - Date.now(), answerWithinMs))
}

/** Of `address:port`. Empty where it is a unix socket, which grpc-js calls `unknown`. */
function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(':')
  return colon === -1 ? '' : peer.slice(0, colon).replace(/^::ffff:(?=\d+\.)/, '')
}
