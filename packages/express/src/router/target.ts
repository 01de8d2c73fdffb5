import type { IncomingMessage } from 'node:http'

/** Path and query. A request line may also hold a whole address, whose host is not our business. @see RFC 9112 section 3.2.2 */
export function targetOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  if (url.startsWith('/')) return url
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '')
  return target.startsWith('/') ? target : `/${target}`
}

/** What a request asks for, seen from where a router is mounted. */
export interface RequestTarget {
  /** Below the base path; the whole of it where it is not below. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly isBelow: boolean
}

/** @param basePath without a slash at its end; empty: everything is below it */
export function splitTarget(request: Pick<IncomingMessage, 'url'>, basePath: string): RequestTarget {
  const target = targetOf(request)
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  const isBelow = basePath === '' || path === basePath || path.startsWith(`${basePath}/`)
  return {
    path: isBelow ? path.slice(basePath.length) : path,
    query: question === -1 ? '' : target.slice(question + 1),
    isBelow,
  }
}
