import type { HeaderList } from '@mediakeep/core'
import { report } from './answer.ts'
import type { HttpExchange } from './exchange.ts'

/** The answer cannot be finished. Before its first byte it becomes another one; after, only the connection tells. */
export function breakOff(exchange: HttpExchange, error: unknown, headers: HeaderList): void {
  const { response } = exchange
  if (response.destroyed || response.closed) return // the client left: nobody's fault, nobody to tell
  if (!response.headersSent) {
    for (let at = 0; at < headers.length; at += 2) response.removeHeader(headers[at] ?? '')
    response.removeHeader('X-Request-Id')
    throw error
  }
  report(exchange, error)
  response.destroy()
}

/** A reader that takes nothing holds a descriptor and a socket; it is given some time, not for ever. */
export function guardStall({ response, settings }: HttpExchange): void {
  if (settings.maxStallMs === 0) return
  response.setTimeout(settings.maxStallMs, () => response.destroy())
}
