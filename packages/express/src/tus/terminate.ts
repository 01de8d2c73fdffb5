import { contextOf, type Exchange, principalOf } from '../router/exchange.ts'
import { sendTus } from './answer.ts'
import { findUpload, sessionsOf } from './uploads.ts'

/** DELETE: gives the upload up. The media it became is one of its own, and stays. */
export async function terminateUpload(exchange: Exchange, id: string): Promise<void> {
  const principal = await principalOf(exchange)
  const upload = await findUpload(exchange, id, principal)
  await sessionsOf(exchange).abort(upload.id, { context: contextOf(exchange, principal) })
  sendTus(exchange, 204, [])
}
