import type { BlobVerdict } from '../contracts/catalog.ts'
import type { MediaState } from '../contracts/media.ts'
import type { UploadState } from '../contracts/uploads.ts'

/** What is known of a blob after a commit that brings a verdict: only `clean` gives way to it. */
export function verdictAfter(
  known: BlobVerdict | undefined,
  given: BlobVerdict | undefined,
): BlobVerdict | undefined {
  return known !== undefined && known.verdict !== 'clean' ? known : (given ?? known)
}

/** The state of a content that is to be in the state `asked`, with bytes of which this is known. */
export function stateUnder(verdict: BlobVerdict | undefined, asked: MediaState): MediaState {
  return verdict?.verdict === 'infected' || verdict?.verdict === 'unscannable' ? 'quarantined' : asked
}

/** A verdict as databases keep it: verdict, engine and database are its beginning, which a query can compare. */
export function verdictText({ verdict, engine, database, signature, reason }: BlobVerdict): string {
  return JSON.stringify([verdict, engine, database, signature ?? null, reason ?? null])
}

export function verdictOfText(text: string): BlobVerdict {
  const [verdict, engine, database, signature, reason] = JSON.parse(text) as VerdictRow
  return {
    verdict,
    engine,
    database,
    ...(signature === null ? {} : { signature }),
    ...(reason === null ? {} : { reason }),
  }
}

type VerdictRow = readonly [
  verdict: BlobVerdict['verdict'],
  engine: string,
  database: string,
  signature: string | null,
  reason: string | null,
]

/** How the texts of verdicts begin that are not stale. */
export function freshBeginnings({
  engine,
  database,
}: Pick<BlobVerdict, 'engine' | 'database'>): readonly [string, string, string, string] {
  const rest = `,${JSON.stringify(engine)},${JSON.stringify(database)},`
  return ['["released",', `["clean"${rest}`, `["infected"${rest}`, `["unscannable"${rest}`]
}

/** Whether a scanner with this database has something to say that is not known yet. */
export function isStaleVerdict(
  verdict: BlobVerdict | undefined,
  { engine, database }: Pick<BlobVerdict, 'engine' | 'database'>,
): boolean {
  if (verdict === undefined) return true
  return verdict.verdict !== 'released' && (verdict.engine !== engine || verdict.database !== database)
}

/** What is told of an upload whose content is in this state. */
export function uploadStateOf(state: MediaState): UploadState {
  return state === 'pending' ? 'scanning' : state
}
