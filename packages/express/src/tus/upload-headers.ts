import { formatHttpDate, type Upload } from '@mediakeep/core'
import { type Exchange, mountOf } from '../router/exchange.ts'
import { isWhole } from './uploads.ts'

/** How far an upload is, when it ends, and which media it will be: in the answers to POST, HEAD and PATCH. */
export function progressHeaders(exchange: Exchange, upload: Upload): string[] {
  const isMedia = isWhole(upload) && !upload.partial
  return [
    'Upload-Offset',
    String(upload.offsetBytes),
    ...(isMedia ? [] : ['Upload-Expires', formatHttpDate(upload.expiresAt.getTime())]),
    ...(upload.partial ? [] : ['Upload-Media-Id', upload.mediaId]),
    ...(isMedia ? ['Content-Location', `${mountOf(exchange)}/${upload.mediaId}`] : []),
  ]
}

/** What the sender said of an upload, as it said it: in the answer to HEAD. */
export function declaredHeaders({ sizeBytes, extra }: Upload): string[] {
  const { metadata, concat } = extra
  return [
    ...(sizeBytes === undefined ? ['Upload-Defer-Length', '1'] : ['Upload-Length', String(sizeBytes)]),
    ...(typeof metadata === 'string' ? ['Upload-Metadata', metadata] : []),
    ...(typeof concat === 'string' ? ['Upload-Concat', concat] : []),
  ]
}

export function locationOf(exchange: Exchange, { id }: Upload): string[] {
  return ['Location', `${mountOf(exchange)}/tus/${id}`]
}
