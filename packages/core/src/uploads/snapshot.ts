import type { Upload } from '../contracts/uploads.ts'
import type { OpenUpload } from './context.ts'
import { formatUploadId } from './upload-id.ts'

/** What is told of an upload. */
export function uploadOf({ record, data }: OpenUpload, nowMs: number): Upload {
  const { options, sizeBytes, chunkBytes, chunks, error, completedAtMs } = data
  const parts = data.direct?.parts
  const isOver = record.expiresAt.getTime() <= nowMs && !isEnded(record.state)
  return {
    id: formatUploadId(record.id, data.secret),
    mediaId: record.mediaId ?? data.mediaId,
    namespace: record.namespace,
    door: data.door,
    owner: record.owner,
    state: isOver ? 'expired' : record.state,
    // What it became has all bytes, also where none of them lay in the upload.
    offsetBytes: record.mediaId === undefined ? record.offsetBytes : (sizeBytes ?? record.offsetBytes),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(options.digest === undefined ? {} : { digest: options.digest }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
    ...(chunks === undefined ? {} : { chunks: indexesOf(chunks) }),
    ...(parts === undefined
      ? {}
      : { parts: parts.partBytes === undefined ? {} : { partBytes: parts.partBytes } }),
    partial: data.partial,
    filename: options.filename ?? 'file',
    ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
    ...(typeof options.at === 'object' ? { key: options.at.key } : {}),
    createdAt: new Date(data.createdAtMs),
    expiresAt: record.expiresAt,
    ...(completedAtMs === undefined ? {} : { completedAt: new Date(completedAtMs) }),
    ...(error === undefined ? {} : { error }),
    extra: data.extra,
  }
}

const ENDED: ReadonlySet<string> = new Set(['active', 'quarantined', 'rejected', 'expired', 'aborted'])

/** Whether an upload changes no more. */
export function isEnded(state: Upload['state']): boolean {
  return ENDED.has(state)
}

function indexesOf(chunks: readonly number[]): readonly number[] {
  return chunks.flatMap((part, index) => (part < 0 ? [] : [index]))
}
