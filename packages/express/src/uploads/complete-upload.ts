import type { CompleteOptions, Media } from '@mediakeep/core'
import { denied, permits } from '../router/access.ts'
import { contextOf, type Exchange } from '../router/exchange.ts'
import { findUpload } from './sessions.ts'

/** Completes an upload for whoever began it and may still add media; what he tells of parts is read only then. */
export async function completeUpload(
  exchange: Exchange,
  id: string,
  readParts: () => Promise<CompleteOptions['parts']>,
): Promise<Media> {
  const { access } = exchange
  const { upload, principal } = await findUpload(exchange, id)
  const call = { context: contextOf(exchange, principal) }
  // Rights may have gone since the upload began.
  if (!(await permits(access, { principal, action: 'create', owner: upload.owner }))) {
    await exchange.store.uploads.abort(upload.id, call)
    throw denied(principal, 'you may not add media')
  }
  const parts = await readParts()
  return exchange.store.uploads.complete(upload.id, { ...call, ...(parts === undefined ? {} : { parts }) })
}
