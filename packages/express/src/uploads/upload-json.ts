import type { JsonObject, Upload } from '@mediakeep/core'

/** First and last index of chunks in a row. */
export type IndexRange = readonly [first: number, last: number]

/** An upload as its sender sees it. */
export function uploadJson(upload: Upload): JsonObject {
  const { sizeBytes, chunkBytes, chunks, key, completedAt } = upload
  return {
    uploadId: upload.id,
    mediaId: upload.mediaId,
    ...(key === undefined ? {} : { key }),
    mode: upload.door,
    state: upload.state,
    receivedBytes: receivedBytes(upload),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
    ...(chunks === undefined ? {} : { receivedChunks: rangesOf(chunks) }),
    ...missingOf(upload),
    progress: progressOf(upload),
    expiresAt: upload.expiresAt.toISOString(),
    ...errorOf(upload),
    ...(completedAt === undefined ? {} : { completedAt: completedAt.toISOString() }),
  }
}

/** What `GET /media/:id/status` says of a media that is still an upload. */
export function uploadStatusJson(upload: Upload): JsonObject {
  const { state, completedAt } = upload
  return {
    state: state === 'created' || state === 'received' ? 'receiving' : state,
    progress: progressOf(upload),
    ...errorOf(upload),
    ...(completedAt === undefined ? {} : { completedAt: completedAt.toISOString() }),
  }
}

/** From 0 to 1. */
function progressOf(upload: Upload): number {
  const { sizeBytes, state } = upload
  if (state === 'active' || state === 'scanning' || state === 'verifying' || state === 'quarantined') return 1
  return sizeBytes === undefined || sizeBytes === 0 ? 0 : receivedBytes(upload) / sizeBytes
}

/** Chunks that are not there, where there are such. */
export function missingOf({ chunks, chunkBytes, sizeBytes, state }: Upload): {
  readonly missing?: readonly IndexRange[]
} {
  const isOpen = state === 'created' || state === 'receiving' || state === 'received'
  if (chunks === undefined || chunkBytes === undefined || sizeBytes === undefined || !isOpen) return {}
  const count = Math.ceil(sizeBytes / chunkBytes)
  const missing: IndexRange[] = []
  let next = 0
  for (const [first, last] of [...rangesOf(chunks), [count, count] as const]) {
    if (first > next) missing.push([next, first - 1])
    next = last + 1
  }
  return missing.length === 0 ? {} : { missing }
}

/** Of chunks, also those that lie behind one that is not there. */
function receivedBytes({ chunks, chunkBytes, sizeBytes, offsetBytes }: Upload): number {
  if (chunks === undefined || chunkBytes === undefined || sizeBytes === undefined) return offsetBytes
  const lastIndex = Math.ceil(sizeBytes / chunkBytes) - 1
  const overlap = chunks.at(-1) === lastIndex ? (lastIndex + 1) * chunkBytes - sizeBytes : 0
  return chunks.length * chunkBytes - overlap
}

function rangesOf(indexes: readonly number[]): readonly IndexRange[] {
  const ranges: [number, number][] = []
  for (const index of indexes) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === index - 1) last[1] = index
    else ranges.push([index, index])
  }
  return ranges
}

function errorOf({ error }: Upload): { readonly error?: JsonObject } {
  if (error === undefined) return {}
  const { code, reason, message } = error
  return { error: { code, ...(reason === undefined ? {} : { reason }), message } }
}
