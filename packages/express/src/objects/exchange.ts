import { setMaxListeners } from 'node:events'
import type { Call, ObjectStore, Principal } from '@mediakeep/core'
import { contextOf, type HttpExchange } from '../router/exchange.ts'

/** One request about objects of one bucket, let in. */
export interface ObjectExchange extends HttpExchange {
  readonly store: ObjectStore
  readonly principal: Principal | undefined
}

/** The call that a request makes: it ends when the asker leaves. */
export function callOf(exchange: ObjectExchange, signal: AbortSignal = leavingOf(exchange)): Call {
  return { signal, context: contextOf(exchange, exchange.principal) }
}

function leavingOf({ response }: ObjectExchange): AbortSignal {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // a list looks at many objects in one call
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the asker left'))
  })
  return controller.signal
}
