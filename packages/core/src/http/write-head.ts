import { ServerResponse } from 'node:http'
import type { HeaderList } from './headers.ts'

/** As Node made it. */
const { writeHead: writeOwn } = ServerResponse.prototype

/**
 * Writes status and headers of an answer, whatever stands in front of the handler.
 *
 * The list goes to `node:http` at once where nobody has changed the response. Middleware that puts itself around
 * `writeHead` gets the headers one by one: on-headers before 1.1, which is beneath years of express-session, morgan and
 * compression, takes a flat list for pairs and loses all of them.
 * `Vary` of middleware stays: an answer that varies by `Origin` does so behind us too.
 */
export function writeHead(response: ServerResponse, status: number, headers: HeaderList): void {
  if (response.writeHead === writeOwn && !response.hasHeader('vary')) {
    response.writeHead(status, [...headers])
    return
  }
  setHeaders(response, headers)
  response.writeHead(status)
}

/** Sets headers that wait for the first bytes, and can be taken back until then. */
export function setHeaders(response: ServerResponse, headers: HeaderList): void {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    response.setHeader(name, name === 'Vary' ? varyBy(response.getHeader(name), value) : value)
  }
}

/** What is named already, and what is not yet. */
function varyBy(present: number | string | readonly string[] | undefined, added: string): string {
  const named = String(present ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const known = new Set(named.map((name) => name.toLowerCase()))
  const fresh = added.split(', ').filter((name) => !known.has(name.toLowerCase()))
  return [...named, ...fresh].join(', ')
}
