import { MediaError, type Principal, type Upload } from '@mediakeep/core'
import type { Exchange } from '../router/exchange.ts'
import { findUpload, isWhole } from './uploads.ts'

/**
 * Length of all parts together.
 * @throws MediaError MEDIA_ABSENT and MEDIA_GONE as `findUpload`; MEDIA_BAD_INPUT `not-a-part`, `part-unfinished`
 */
export async function findParts(
  exchange: Exchange,
  ids: readonly string[],
  principal: Principal | undefined,
): Promise<number> {
  const parts = new Map<string, Upload>()
  for (const id of new Set(ids)) parts.set(id, partOf(await findUpload(exchange, id, principal)))
  return ids.reduce((sum, id) => sum + (parts.get(id)?.offsetBytes ?? 0), 0)
}

function partOf(upload: Upload): Upload {
  if (!upload.partial) throw bad('Upload-Concat names an upload that is no part', 'not-a-part')
  if (!isWhole(upload)) throw bad('a part has not all its bytes', 'part-unfinished')
  return upload
}

function bad(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
