import { MediaError, type Principal, type Upload } from '@mediakeep/core'
import { absent } from '../router/access.ts'
import { contextOf, type Exchange, mountOf, principalOf } from '../router/exchange.ts'

/** Owner of what nobody in particular puts, as in `PutOptions`. */
const ANONYMOUS = 'anonymous'

/** Whoever began it, or an admin. What nobody in particular began goes on for whoever has its address. */
export function isSenders(
  { access }: Exchange,
  principal: Principal | undefined,
  { owner }: Pick<Upload, 'owner'>,
): boolean {
  if (access.open === true || principal?.admin === true) return true
  return (principal?.id ?? ANONYMOUS) === owner
}

export interface FoundUpload {
  readonly upload: Upload
  readonly principal: Principal | undefined
}

/**
 * The upload, for whoever began it; that of somebody else answers as one that never was.
 * @throws MediaError MEDIA_ABSENT; MEDIA_DENIED `signature` for a signed address, which lets in a body and nothing else
 */
export async function findUpload(exchange: Exchange, id: string): Promise<FoundUpload> {
  if (new URLSearchParams(exchange.query).has('sig'))
    throw new MediaError('MEDIA_DENIED', 'the address was signed for PUT', { reason: 'signature' })
  const principal = await principalOf(exchange)
  const upload = await exchange.store.uploads.get(id, { context: contextOf(exchange, principal) })
  if (upload === undefined || !isSenders(exchange, principal, upload)) throw absent()
  return { upload, principal }
}

/** Address of an upload as clients see it. No header of the request gets into it. */
export function uploadAddress(exchange: Exchange, id: string): string {
  const { publicBaseUrl } = exchange.store
  return publicBaseUrl === undefined
    ? `${mountOf(exchange)}/uploads/${id}`
    : new URL(`uploads/${id}`, publicBaseUrl).href
}
