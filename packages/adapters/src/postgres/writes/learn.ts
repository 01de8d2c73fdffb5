import { type Catalog, MediaError, verdictOfText } from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import { UNREFERENCED } from '../reads/references.ts'
import { storeDigest } from './stage.ts'
import { verdictChange } from './verdict-rows.ts'

interface KnownBlob {
  readonly id: string
  readonly digest: string | null
  readonly sizeBytes: number
  readonly verdict: string | null
}

const LOCK = `SELECT json_build_object('id', id, 'digest', encode(digest, 'hex'), 'sizeBytes', size_bytes,
    'verdict', verdict) FROM @blobs
  WHERE id = ANY(ARRAY[$1, (SELECT id FROM @blobs WHERE domain = $2 AND digest = $3)]) ORDER BY id FOR UPDATE`
const FILL_SUMS = 'UPDATE @blobs SET chunk_sums = $2 WHERE id = $1 AND chunk_sums IS NULL'
const LEARN = 'UPDATE @blobs SET domain = $2, digest = $3, chunk_sums = $4 WHERE id = $1'

export type Learned = Parameters<Catalog['learnDigest']>[1]

/** @returns the blob that holds the bytes now */
export function learnDigest(
  database: Database,
  blobId: string,
  learned: Learned,
): Promise<string | undefined> {
  return database.transact(
    'learn a digest',
    async (tx) => {
      const holder = await learn(tx, blobId, learned)
      await tx.commit()
      return holder
    },
    { durable: false },
  )
}

/** The same as a part of a transaction. */
export async function learn(
  tx: Transaction,
  blobId: string,
  { domain, digest, chunkSums }: Learned,
): Promise<string | undefined> {
  const stored = storeDigest(digest)
  const [{ rows }] = await tx.run(sql<KnownBlob>(LOCK, blobId, domain, stored))
  const known = rows.find(({ id }) => id === blobId)
  if (known === undefined) return undefined
  if (known.digest !== null) {
    if (known.digest !== digest.slice(7)) throw otherContent(blobId)
    await tx.run(sql(FILL_SUMS, blobId, chunkSums))
    return blobId
  }
  const twin = rows.find(({ id }) => id !== blobId)
  if (twin === undefined) {
    await tx.run(sql(LEARN, blobId, domain, stored, chunkSums))
    return blobId
  }
  if (twin.sizeBytes !== known.sizeBytes) throw otherContent(blobId)
  const own = known.verdict === null ? undefined : verdictOfText(known.verdict)
  const { statements } = verdictChange(twin.id, twin.verdict, own)
  await tx.run(sql(FILL_SUMS, twin.id, chunkSums), ...statements, ...handOver(blobId, twin.id))
  return twin.id
}

/** SQL that moves rows of `$1` to `$2`, but for those that would be there twice: these go. */
const moveUnique = (table: string, column: string, others: readonly string[]): readonly string[] => [
  `UPDATE @${table} r SET ${column} = $2 WHERE r.${column} = $1 AND NOT EXISTS (SELECT 1 FROM @${table} t
     WHERE t.${column} = $2 AND ${others.map((other) => `t.${other} = r.${other}`).join(' AND ')})`,
  `DELETE FROM @${table} WHERE ${column} = $1 AND $2::text IS NOT NULL`,
]

/** All that refers to one blob refers to the other now; where both are meant already, once is enough. */
const HAND_OVER: readonly string[] = [
  'UPDATE @contents SET blob_id = $2 WHERE blob_id = $1',
  'UPDATE @placements SET blob_id = $2 WHERE blob_id = $1',
  'UPDATE @derivatives SET blob_id = $2 WHERE blob_id = $1',
  ...moveUnique('pins', 'blob_id', ['session_id', 'placement_id']),
  ...moveUnique('moves', 'blob_id', ['to_volume_id']),
  ...moveUnique('derivatives', 'parent_blob_id', ['operations', 'encoder']),
  'DELETE FROM @blobs WHERE id = $1 AND $2::text IS NOT NULL',
]
const REVIVE = `UPDATE @blobs b SET state = 'live', condemned_at = NULL WHERE b.id = $1 AND NOT ${UNREFERENCED}`

function handOver(from: string, to: string): readonly Statement[] {
  return [...HAND_OVER.map((text) => sql(text, from, to)), sql(REVIVE, to)]
}

function otherContent(blobId: string): MediaError {
  return new MediaError(
    'MEDIA_CONFLICT',
    `postgres: blob ${blobId} has other bytes than those that were read`,
    { reason: 'other-content' },
  )
}
