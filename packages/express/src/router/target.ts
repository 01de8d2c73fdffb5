import type { IncomingMessage } from 'node:http'

/** Path and query. A request line may also hold a whole address, whose host is not our business. @see RFC 9112 section 3.2.2 */
export function targetOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  if (url.startsWith('/')) return url
  const target = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '')
  return target.startsWith('/') ? target : `/${target}`
}
