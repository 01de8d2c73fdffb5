import { type Catalog, MediaError } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { findBlob, isReferenced, reviveBlob, setChunkSums } from './blobs.ts'
import { knownVerdict, settleBlobVerdict } from './verdicts.ts'

export interface LearnInput {
  readonly blobId: string
  readonly learned: Parameters<Catalog['learnDigest']>[1]
}

interface KnownBlob {
  readonly digest: string
  readonly sizeBytes: number
  readonly hasSums: number
}

/** @returns the blob that holds the bytes now */
export function learnDigest(tx: Transaction, { blobId, learned }: LearnInput): string | undefined {
  const id = storeId(blobId)
  const { domain, chunkSums } = learned
  const digest = storeDigest(learned.digest)
  const known = tx
    .sql<KnownBlob>(
      'SELECT hex(digest) AS digest, sizeBytes, chunkSums IS NOT NULL AS hasSums FROM blobs WHERE id = ?',
    )
    .get(id)
  if (known === undefined) return undefined
  if (known.digest !== '') {
    if (known.digest.toLowerCase() !== learned.digest.slice(7)) throw otherContent(blobId)
    if (known.hasSums === 0) setChunkSums(tx, id, chunkSums)
    return blobId
  }
  const twin = findBlob(tx, domain, digest)
  if (twin === undefined) {
    tx.sql('UPDATE blobs SET domain = ?, digest = ?, chunkSums = ? WHERE id = ?').run(
      domain,
      digest,
      chunkSums,
      id,
    )
    return blobId
  }
  if (twin.sizeBytes !== known.sizeBytes) throw otherContent(blobId)
  if (twin.hasSums === 0) setChunkSums(tx, twin.id, chunkSums)
  settleBlobVerdict(tx, twin.id, knownVerdict(tx, id))
  handOver(tx, id, twin.id)
  return readId(twin.id)
}

/** All that refers to one blob refers to the other now; where both are meant already, once is enough. */
const HAND_OVER = [
  'UPDATE contents SET blobId = ? WHERE blobId = ?',
  'UPDATE placements SET blobId = ? WHERE blobId = ?',
  'UPDATE OR IGNORE pins SET blobId = ? WHERE blobId = ?',
  'UPDATE OR IGNORE moves SET blobId = ? WHERE blobId = ?',
  'UPDATE derivatives SET blobId = ? WHERE blobId = ?',
  'UPDATE OR IGNORE derivatives SET parentBlobId = ? WHERE parentBlobId = ?',
]
const LEFT_OVER = [
  'DELETE FROM pins WHERE blobId = ?',
  'DELETE FROM moves WHERE blobId = ?',
  'DELETE FROM derivatives WHERE parentBlobId = ?',
  'DELETE FROM blobs WHERE id = ?',
]

function handOver(tx: Transaction, from: StoredId, to: StoredId): void {
  for (const text of HAND_OVER) tx.sql(text).run(to, from)
  for (const text of LEFT_OVER) tx.sql(text).run(from)
  if (isReferenced(tx, to)) reviveBlob(tx, to)
}

function otherContent(blobId: string): MediaError {
  return new MediaError(
    'MEDIA_CONFLICT',
    `sqlite: blob ${blobId} has other bytes than those that were read`,
    {
      reason: 'other-content',
    },
  )
}
