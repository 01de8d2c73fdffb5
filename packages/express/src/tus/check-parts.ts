import { MediaError, type Principal, type Upload } from '@mediakeep/core'
import type { Exchange } from '../router/exchange.ts'
import { findUpload, isWhole } from './uploads.ts'

/**
 * Whether a whole can be put together of these.
 * @throws MediaError MEDIA_ABSENT and MEDIA_GONE as `findUpload`; MEDIA_BAD_INPUT `not-a-part`, `part-unfinished`, `empty-file`
 */
export async function checkParts(
  exchange: Exchange,
  ids: readonly string[],
  principal: Principal | undefined,
): Promise<void> {
  let sizeBytes = 0
  for (const id of new Set(ids)) sizeBytes += partOf(await findUpload(exchange, id, principal)).offsetBytes
  if (sizeBytes === 0) throw bad('all parts are empty: there are no empty media', 'empty-file')
}

function partOf(upload: Upload): Upload {
  if (!upload.partial) throw bad('Upload-Concat names an upload that is no part', 'not-a-part')
  if (!isWhole(upload)) throw bad('a part has not all its bytes', 'part-unfinished')
  return upload
}

function bad(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
