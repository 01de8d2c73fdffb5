import { AsyncLocalStorage } from 'node:async_hooks'
import http from 'node:http'
import https from 'node:https'

/** What one request is sent under: it reaches the transport past the client, which has no place for it. */
interface Passage {
  readonly signal: AbortSignal
  /** Its answer may take as long as it likes: only a dead connection ends it. */
  readonly isPatient: boolean
}

interface OpenPassage extends Passage {
  answer?: http.IncomingMessage
}

export interface Transport {
  /** Given to the client as its `transport`. */
  readonly request: typeof http.request
  readonly agent: http.Agent
  /**
   * Runs what makes the client send one request, and takes its answer before the client reads it: the client drops the answers to
   * requests that it holds worth trying again, and tells neither code nor status of them.
   */
  pass(passage: Passage, send: () => Promise<unknown>): Promise<http.IncomingMessage>
  close(): void
}

const KEEP_ALIVE_MS = 30_000

/** Sends requests of the client, ends them by signal and after `answerTimeoutMs` without an answer. */
export function createTransport(options: {
  readonly isSecure: boolean
  readonly maxSockets: number
  readonly answerTimeoutMs: number
}): Transport {
  const sockets = { keepAlive: true, maxSockets: options.maxSockets }
  const agent = options.isSecure ? new https.Agent(sockets) : new http.Agent(sockets)
  const passages = new AsyncLocalStorage<OpenPassage>()
  const { request: send } = options.isSecure ? https : http

  function request(
    target: http.RequestOptions | string | URL,
    given?: http.RequestOptions | ((answer: http.IncomingMessage) => void),
  ): http.ClientRequest {
    const passage = passages.getStore()
    const onAnswer = typeof given === 'function' ? given : undefined
    if (passage === undefined || typeof target === 'string' || target instanceof URL)
      throw new TypeError('a request outside of a call')
    const sent = send(target, (answer) => {
      clearTimeout(timer)
      passage.answer = answer
      onAnswer?.(answer)
    })
    const timer = passage.isPatient ? undefined : setTimeout(giveUp, options.answerTimeoutMs)
    if (passage.isPatient) sent.setSocketKeepAlive(true, KEEP_ALIVE_MS)
    function giveUp(): void {
      const error = new Error(`no answer within ${options.answerTimeoutMs} ms`)
      sent.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
    }
    const stop = (): void => {
      sent.destroy(new Error('the call has ended', { cause: passage.signal.reason }))
    }
    passage.signal.addEventListener('abort', stop, { once: true })
    sent.once('close', () => {
      clearTimeout(timer)
      passage.signal.removeEventListener('abort', stop)
    })
    return sent
  }

  return {
    request,
    agent,
    async pass(given, send) {
      given.signal.throwIfAborted()
      const passage: OpenPassage = { ...given }
      try {
        await passages.run(passage, send)
      } catch (error) {
        // The client's own opinion of an answer that is there counts for nothing.
        if (passage.answer === undefined) throw error
      }
      if (passage.answer === undefined) throw new TypeError('the client sent no request')
      return passage.answer
    },
    close: () => agent.destroy(),
  }
}
