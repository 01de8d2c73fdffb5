import { MediaError } from '@mediakeep/core'
import { sendNothing } from './answer.ts'
import { contextOf, type Exchange } from './exchange.ts'
import { find } from './records.ts'

/** PUT and DELETE of a link: attaches a media to something of the host's, or detaches it. Both are idempotent. */
export async function changeLink(
  exchange: Exchange,
  id: string,
  kind: string | undefined,
  target: string | undefined,
): Promise<void> {
  const { principal } = await find(exchange, id, 'link')
  if (kind === undefined || target === undefined) throw badLinkPath()
  const call = { context: contextOf(exchange, principal) }
  if (exchange.method === 'PUT') await exchange.store.link(id, { kind, target }, call)
  else await exchange.store.unlink(id, { kind, target }, call)
  sendNothing(exchange)
}

export function badLinkPath(): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'the link in the address is not percent-encoded UTF-8', {
    reason: 'bad-link',
  })
}
