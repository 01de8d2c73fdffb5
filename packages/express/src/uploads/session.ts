import { absent } from '../router/access.ts'
import { sendJson, sendNothing } from '../router/answer.ts'
import { contextOf, type Exchange } from '../router/exchange.ts'
import { partsUnderWay } from './parts.ts'
import { findUpload } from './sessions.ts'
import { uploadJson } from './upload-json.ts'

/** GET of an upload: how far it is, and what it still lacks. */
export async function showUpload(exchange: Exchange, id: string): Promise<void> {
  const { upload } = await findUpload(exchange, id)
  sendJson(exchange, 200, uploadJson(upload, await partsUnderWay(exchange, upload)))
}

/** DELETE of an upload: its bytes go, and a signed address of it is good for nothing any more. */
export async function cancelUpload(exchange: Exchange, id: string): Promise<void> {
  const { upload, principal } = await findUpload(exchange, id)
  const wasThere = await exchange.store.uploads.abort(upload.id, { context: contextOf(exchange, principal) })
  if (!wasThere) throw absent()
  sendNothing(exchange)
}
