import type { CommitContent, MediaState } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import type { StoredId } from '../ids.ts'
import { noteLostReference } from './blobs.ts'

export interface ContentRow {
  readonly number: number
  readonly state: MediaState
  readonly blobId: StoredId
  readonly sizeBytes: number
}

/** All contents kept of a media, newest first. */
export function contentsOf(tx: Transaction, mediaId: StoredId): readonly ContentRow[] {
  return tx
    .sql<ContentRow>(
      `SELECT c.number AS number, c.state AS state, c.blobId AS blobId, b.sizeBytes AS sizeBytes
       FROM contents c CROSS JOIN blobs b ON b.id = c.blobId WHERE c.mediaId = ? ORDER BY c.number DESC`,
    )
    .all(mediaId)
}

/** What counts for the owner's quota: every content that is kept, also one that waits to serve. */
export function bytesOf(contents: readonly ContentRow[]): number {
  return contents.reduce((sum, content) => sum + content.sizeBytes, 0)
}

/** Of a media that keeps others. */
export function dropContents(tx: Transaction, mediaId: StoredId, contents: readonly ContentRow[]): void {
  for (const { number, blobId } of contents) {
    tx.sql('DELETE FROM contents WHERE mediaId = ? AND number = ?').run(mediaId, number)
    noteLostReference(tx, blobId)
  }
}

export function insertContent(
  tx: Transaction,
  mediaId: StoredId,
  number: number,
  blobId: StoredId,
  input: Pick<CommitContent, 'content'>,
): void {
  const { contentType, filename, facts, state } = input.content
  tx.sql(
    `INSERT INTO contents(mediaId, number, blobId, contentType, filename, facts, state, createdAt)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(mediaId, number, blobId, contentType, filename, JSON.stringify(facts), state, tx.nowMs)
}

export interface BlobFacts {
  /** 64 hexadecimal digits, upper case. */
  readonly digest: string | null
  readonly sizeBytes: number
}

/** A pinned blob is there. */
export function blobFacts(tx: Transaction, blobId: StoredId): BlobFacts {
  const found = tx
    .sql<BlobFacts>('SELECT hex(digest) AS digest, sizeBytes FROM blobs WHERE id = ?')
    .get(blobId)
  if (found === undefined) throw new Error('a pinned blob has no row')
  return found
}
