import type { JsonObject, StoredPart, Upload } from '@mediakeep/core'
import { keyTaken } from '../router/write-content.ts'

/** First and last index of chunks in a row. */
export type IndexRange = readonly [first: number, last: number]

/** An upload as its sender sees it. `stored`: of one in parts, those that the bucket has. */
export function uploadJson(upload: Upload, stored: readonly StoredPart[] = []): JsonObject {
  const { sizeBytes, chunkBytes, chunks, key, completedAt, parts } = upload
  return {
    uploadId: upload.id,
    mediaId: upload.mediaId,
    ...(key === undefined ? {} : { key }),
    mode: upload.door,
    // The row does not know what a bucket took.
    state: upload.state === 'created' && stored.length > 0 ? 'receiving' : upload.state,
    receivedBytes: receivedBytes(upload, stored),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
    ...(chunks === undefined ? {} : { receivedChunks: rangesOf(chunks) }),
    ...(parts === undefined ? {} : { ...parts, receivedParts: rangesOf(numbersOf(stored)) }),
    ...missingOf(upload, stored),
    progress: progressOf(upload, stored),
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
function progressOf(upload: Upload, stored: readonly StoredPart[] = []): number {
  const { sizeBytes, state } = upload
  if (state === 'active' || state === 'scanning' || state === 'verifying' || state === 'quarantined') return 1
  return sizeBytes === undefined || sizeBytes === 0
    ? 0
    : Math.min(1, receivedBytes(upload, stored) / sizeBytes)
}

/** Chunks or parts that are not there, where it is known which there are to be. */
export function missingOf(
  { chunks, chunkBytes, parts, sizeBytes, state }: Upload,
  stored: readonly StoredPart[] = [],
): { readonly missing?: readonly IndexRange[] } {
  const isOpen = state === 'created' || state === 'receiving' || state === 'received'
  if (sizeBytes === undefined || !isOpen) return {}
  if (chunks !== undefined && chunkBytes !== undefined)
    return gapsOf(rangesOf(chunks), 0, Math.ceil(sizeBytes / chunkBytes))
  const { partBytes } = parts ?? {}
  if (partBytes === undefined) return {}
  return gapsOf(rangesOf(numbersOf(stored)), 1, Math.ceil(sizeBytes / partBytes) + 1)
}

/** What of the numbers from `first` on, but for the last, is in none of the ranges. */
function gapsOf(
  ranges: readonly IndexRange[],
  first: number,
  endExclusive: number,
): { readonly missing?: readonly IndexRange[] } {
  const missing: IndexRange[] = []
  let next = first
  for (const [from, to] of [...ranges, [endExclusive, endExclusive] as const]) {
    if (from > next) missing.push([next, from - 1])
    next = to + 1
  }
  return missing.length === 0 ? {} : { missing }
}

function numbersOf(stored: readonly StoredPart[]): readonly number[] {
  return stored.map(({ number }) => number)
}

/** Of chunks, also those that lie behind one that is not there. */
function receivedBytes(
  { chunks, chunkBytes, sizeBytes, offsetBytes }: Upload,
  stored: readonly StoredPart[],
): number {
  if (stored.length > 0) return stored.reduce((sum, part) => sum + part.sizeBytes, 0)
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
  // As the door said it: the only condition of an upload is that its key is free.
  const { code, reason, message } = error.code === 'MEDIA_PRECONDITION' ? keyTaken(undefined) : error
  return { error: { code, ...(reason === undefined ? {} : { reason }), message } }
}
