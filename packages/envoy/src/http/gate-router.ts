import type { IncomingMessage, ServerResponse } from 'node:http'
import { badOption, writeHead } from '@mediakeep/core'
import { answerInTime } from '../answer-in-time.ts'
import type { Gate, GateAnswer } from '../contracts.ts'
import { ANSWER_WITHIN_MS, BUSY_WAIT_MS } from '../defaults.ts'
import { checkAnswerWithin, refuseMore } from '../gate/check-options.ts'
import { createGate } from '../gate/gate.ts'
import type { GateOptions } from '../gate/options.ts'
import { isPromise } from '../is-promise.ts'
import { PROFILES, type Proxy } from './profiles.ts'
import { createQuestions, LOOPBACK } from './question.ts'
import { createWriter } from './written.ts'

export interface GateRouterSettings {
  /** Which proxy asks: it decides what is a yes and what it can pass on of a no. */
  readonly proxy: Proxy
  /**
   * Addresses or networks of proxies that may ask, and `unix` for those on a unix socket. They are believed what the client asked for:
   * by the question itself (Envoy), or by `X-Forwarded-Method`, `-Uri`, `-Host`, `-Proto` and `-For`, or `X-Original-Method` and
   * `-URI`, which they must set themselves. Default: this machine. Others are refused.
   */
  readonly trustedProxies?: readonly string[]
  /**
   * Taken off the beginning of the address: `path_prefix` of Envoy's HTTP service. What begins otherwise is refused. Default: none,
   * which is right where Express took it off already.
   */
  readonly pathPrefix?: string
  /** A question that is not answered after this time is refused with 503. Default 150. */
  readonly answerWithinMs?: number
}

/** Either everything that makes a gate, or one that is there. */
export type GateRouterOptions = GateRouterSettings & (GateOptions | { readonly gate: Gate })

/** Answers over `node:http` messages: mount it in Express, or give it to `http.createServer`. */
export interface GateHandler {
  (request: IncomingMessage, response: ServerResponse): void
  /** Ends the gate that was made for it; one that was given is its owner's to close. Idempotent. */
  close(): void
}

/**
 * The gate for proxies that ask over HTTP: the same decision as over gRPC, told as each proxy understands it.
 * What is meant stands in `x-media-status` of every no, `x-media-state` in every answer.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`, also when neither `gate` nor `authorize` is there.
 */
export function gateRouter(options: GateRouterOptions): GateHandler {
  const profile = Object.hasOwn(PROFILES, options.proxy) ? PROFILES[options.proxy] : undefined
  if (profile === undefined) throw badOption('gateRouter: proxy is envoy, nginx, traefik or caddy')
  const { proxy: _proxy, trustedProxies = LOOPBACK, pathPrefix = '', ...more } = options
  const { answerWithinMs = ANSWER_WITHIN_MS, ...rest } = more
  checkAnswerWithin(answerWithinMs)
  const readQuestion = createQuestions(profile, { trustedProxies, pathPrefix })
  const written = createWriter(profile)
  const isGiven = 'gate' in rest
  const gate = isGiven ? theOne(rest) : createGate(rest)

  function send(request: IncomingMessage, response: ServerResponse, answer: GateAnswer): void {
    // Whoever asked may have left meanwhile.
    if (response.destroyed || response.headersSent) return
    const { status, headers, body } = written(answer)
    writeHead(response, status, headers)
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume() // a body that came along is of no interest
    const question = readQuestion(request)
    if ('kind' in question) {
      send(request, response, question)
      return
    }
    const byMs = Date.now() + answerWithinMs
    const found = gate.check({ ...question, deadlineMs: byMs })
    const tell = (told: GateAnswer): void => send(request, response, told)
    if (isPromise(found))
      response.once('close', answerInTime(found, { byMs, lastMs: byMs + BUSY_WAIT_MS }, tell))
    else tell(found)
  }
  return Object.assign(answer, { close: () => (isGiven ? undefined : gate.close()) })
}

/** What is said beside a gate that is there would change nothing of it. */
function theOne({ gate, ...more }: { readonly gate: Gate }): Gate {
  refuseMore('gateRouter with a gate', more)
  return gate
}
