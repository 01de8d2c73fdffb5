import { type Exchange, principalOf } from '../router/exchange.ts'
import { sendTus } from './answer.ts'
import { declaredHeaders, progressHeaders } from './upload-headers.ts'
import { completeUpload, findUpload, isWhole } from './uploads.ts'

/**
 * HEAD: where to go on. An upload that has all its bytes and is no media yet, because a server ended between the two, becomes
 * one now: senders take equal offset and length for success, and never come back.
 */
export async function showUpload(exchange: Exchange, id: string): Promise<void> {
  const principal = await principalOf(exchange)
  const upload = await findUpload(exchange, id, principal)
  if (isWhole(upload)) await completeUpload(exchange, upload, principal)
  sendTus(exchange, 200, [...declaredHeaders(upload), ...progressHeaders(exchange, upload)])
}
