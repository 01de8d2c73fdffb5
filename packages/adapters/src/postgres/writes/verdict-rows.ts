import { type BlobVerdict, verdictAfter, verdictOfText, verdictText } from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'

export interface VerdictChange {
  /** What is known of the blob from now on. */
  readonly verdict: BlobVerdict | undefined
  readonly statements: readonly Statement[]
}

/** Of a blob that is locked. */
export function verdictChange(
  blobId: string,
  stored: string | null,
  given: BlobVerdict | undefined,
): VerdictChange {
  const known = stored === null ? undefined : verdictOfText(stored)
  const verdict = verdictAfter(known, given)
  const isChanged = verdict !== undefined && verdict !== known
  return { verdict, statements: isChanged ? [writeVerdict(blobId, verdict)] : [] }
}

export function writeVerdict(blobId: string, verdict: BlobVerdict): Statement {
  return sql('UPDATE @blobs SET verdict = $2 WHERE id = $1', blobId, verdictText(verdict))
}
