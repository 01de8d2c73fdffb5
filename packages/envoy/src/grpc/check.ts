import { answerInTime } from '../answer-in-time.ts'
import { encodeAnswer } from '../codec/encode-answer.ts'
import { MALFORMED, UNANSWERED } from '../codec/fixed-answers.ts'
import { readCheckRequest } from '../codec/read-check.ts'
import type { Gate, GateAnswer, GateRequest } from '../contracts.ts'
import { DEADLINE_MARGIN_MS } from '../defaults.ts'
import { isPromise } from '../is-promise.ts'
import type { IncomingCall } from './call.ts'

/**
 * Answers every question that arrives, with a CheckResponse and in time. A gRPC error would be the proxy's to read, and
 * a late answer none at all: either becomes a refusal without Retry-After, or with `failure_mode_allow` a request that
 * goes through.
 */
export function checkMethod(
  gate: Gate,
  answerWithinMs: number,
): (call: IncomingCall, message: Buffer) => void {
  return (call, message) => {
    const lastMs = call.deadlineMs - DEADLINE_MARGIN_MS
    const byMs = Math.min(lastMs, Date.now() + answerWithinMs)
    const answer = ask(gate, message, call.peerAddress, byMs)
    const tell = (told: GateAnswer): void => call.reply(encodeAnswer(told))
    if (isPromise(answer)) call.onceOver(answerInTime(answer, { byMs, lastMs }, tell))
    else tell(answer)
  }
}

function ask(
  gate: Gate,
  message: Buffer,
  proxyAddress: string,
  deadlineMs: number,
): GateAnswer | Promise<GateAnswer> {
  let question: GateRequest
  try {
    question = readCheckRequest(message, { proxyAddress, deadlineMs })
  } catch {
    return MALFORMED
  }
  try {
    return gate.check(question)
  } catch {
    return UNANSWERED
  }
}
