import {
  type BlobVerdict,
  type Catalog,
  isOlderVerdict,
  type MediaState,
  termsOf,
  verdictAfter,
  verdictOfText,
  verdictText,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'
import { type RecordText, recordOf, writtenText } from '../reads/record.ts'
import { bytesOf, contentsOf, dropContents } from './contents.ts'
import { replaceTerms } from './terms.ts'

interface VerdictRow {
  readonly verdict: string | null
}

export function knownVerdict(tx: Transaction, blobId: StoredId): BlobVerdict | undefined {
  const row = tx.sql<VerdictRow>('SELECT verdict FROM blobs WHERE id = ?').get(blobId)
  return row?.verdict == null ? undefined : verdictOfText(row.verdict)
}

/** @returns what is known of the blob from now on */
export function settleBlobVerdict(
  tx: Transaction,
  blobId: StoredId,
  given: BlobVerdict | undefined,
): BlobVerdict | undefined {
  const known = knownVerdict(tx, blobId)
  const after = verdictAfter(known, given)
  if (after !== undefined && after !== known) writeVerdict(tx, blobId, after)
  return after
}

/** @returns whether there is such a blob */
function writeVerdict(tx: Transaction, blobId: StoredId, verdict: BlobVerdict): boolean {
  const written = tx.sql('UPDATE blobs SET verdict = ? WHERE id = ?').run(verdictText(verdict), blobId)
  return written.changes > 0
}

export interface SettleVerdict {
  readonly blobId: string
  readonly verdict: BlobVerdict
  readonly contents: Parameters<Catalog['settleVerdict']>[2]
}

export interface SettledTexts {
  readonly texts: readonly RecordText[]
  readonly more: boolean
  readonly stands?: BlobVerdict
}

interface FoundContent {
  readonly namespace: string
  readonly mediaId: StoredId
  readonly number: number
}

// The contents first, in order of the index; then one descent for each namespace that there is, as media are clustered by it.
const FOUND = `WITH RECURSIVE names(name) AS (SELECT min(namespace) FROM media UNION ALL
    SELECT (SELECT min(namespace) FROM media WHERE namespace > name) FROM names WHERE name IS NOT NULL),
  found AS MATERIALIZED (SELECT mediaId, number FROM contents
    WHERE blobId = ? AND state IN (SELECT value FROM json_each(?)) ORDER BY mediaId, number LIMIT ?)
  SELECT m.namespace AS namespace, c.mediaId AS mediaId, c.number AS number FROM found c CROSS JOIN names
  CROSS JOIN media m ON m.namespace = names.name AND m.id = c.mediaId ORDER BY c.mediaId, c.number`

/** A batch of contents at a time: the media of one blob may be many. */
export function settleVerdict(tx: Transaction, { blobId, verdict, contents }: SettleVerdict): SettledTexts {
  const id = storeId(blobId)
  const known = knownVerdict(tx, id)
  if (known !== undefined && isOlderVerdict(verdict, known)) return { texts: [], more: false, stands: known }
  if (!writeVerdict(tx, id, verdict)) return { texts: [], more: false }
  const { from, to, limit } = contents
  const states = JSON.stringify(from.filter((state) => state !== to))
  const found = tx.sql<FoundContent>(FOUND).all(id, states, limit + 1)
  const byMedia = new Map<string, FoundContent[]>()
  for (const one of found.slice(0, limit)) {
    const name = readId(one.mediaId)
    byMedia.set(name, [...(byMedia.get(name) ?? []), one])
  }
  const texts = [...byMedia.values()].map((group) => settleContents(tx, group, to))
  return { texts, more: found.length > limit, stands: verdict }
}

/** Those of one media. */
function settleContents(tx: Transaction, group: readonly FoundContent[], to: MediaState): RecordText {
  const [first] = group
  if (first === undefined) throw new Error('a group has no members')
  const { namespace, mediaId: id } = first
  const before = recordOf(writtenText(tx, namespace, id))
  for (const { number } of group)
    tx.sql('UPDATE contents SET state = ? WHERE mediaId = ? AND number = ?').run(to, id, number)
  const versions = contentsOf(tx, id)
  const serves = versions.find(({ state }) => state === 'active') ?? versions[0]
  const superseded = versions.filter(({ number }) => number < (serves?.number ?? 0))
  dropContents(tx, id, superseded)
  tx.sql(
    'UPDATE media SET revision = revision + 1, contentNumber = ?, updatedAt = ? WHERE namespace = ? AND id = ?',
  ).run(serves?.number ?? 0, tx.nowMs, namespace, id)
  tx.totals.addToOwner(namespace, before.owner, 0, -bytesOf(superseded))
  const text = writtenText(tx, namespace, id)
  replaceTerms(tx, namespace, id, termsOf(before), termsOf(recordOf(text)))
  return text
}
