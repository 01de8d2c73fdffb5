import type { Principal, Upload } from '@mediakeep/core'
import { allowOn } from '../router/access.ts'
import { contextOf, type Exchange, principalOf } from '../router/exchange.ts'
import { sendTus } from './answer.ts'
import { findUpload } from './uploads.ts'

/** DELETE: gives the upload up; one that is complete takes the media along that it became, for whoever may delete that. */
export async function terminateUpload(exchange: Exchange, id: string): Promise<void> {
  const principal = await principalOf(exchange)
  const upload = await findUpload(exchange, id, principal)
  const call = { context: contextOf(exchange, principal) }
  const wasOpen = await exchange.store.uploads.abort(upload.id, call)
  if (!wasOpen) await deleteMedia(exchange, upload, principal)
  sendTus(exchange, 204, [])
}

async function deleteMedia(
  exchange: Exchange,
  { mediaId }: Upload,
  principal: Principal | undefined,
): Promise<void> {
  const { access, store } = exchange
  const media = await store.stat(mediaId)
  if (media === undefined) return
  await allowOn(access, principal, 'delete', media)
  await store.delete(mediaId, { context: contextOf(exchange, principal) })
}
