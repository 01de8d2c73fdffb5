import type { BlobVerdict } from '../contracts/catalog.ts'
import type { MediaState } from '../contracts/media.ts'
import type { UploadState } from '../contracts/uploads.ts'

/** What is known of a blob after a commit that brings a verdict: only `clean` gives way to it, and not to an older one. */
export function verdictAfter(
  known: BlobVerdict | undefined,
  given: BlobVerdict | undefined,
): BlobVerdict | undefined {
  if (known === undefined || given === undefined) return given ?? known
  return known.verdict !== 'clean' || isOlderVerdict(given, known) ? known : given
}

/**
 * Whether what is known stands against a verdict that comes now. What was let out does. Of two looks by databases of one engine
 * that both begin with a number that of the higher number stands, whenever it was made: a scanner that lags behind takes nothing
 * back. Of others the one that began later.
 */
export function isOlderVerdict(given: BlobVerdict, known: BlobVerdict | undefined): boolean {
  if (known === undefined || given.verdict === 'released') return false
  if (known.verdict === 'released') return true
  const [mine, theirs] = [numberOf(given.database), numberOf(known.database)]
  if (given.engine === known.engine && mine !== undefined && theirs !== undefined && mine !== theirs)
    return mine < theirs
  return (given.lookedAt?.getTime() ?? 0) < (known.lookedAt?.getTime() ?? 0)
}

function numberOf(database: string): number | undefined {
  const digits = /^\d{1,15}/.exec(database)?.[0]
  return digits === undefined ? undefined : Number(digits)
}

/** The state of a content that is to be in the state `asked`, with bytes of which this is known. */
export function stateUnder(verdict: BlobVerdict | undefined, asked: MediaState): MediaState {
  return verdict?.verdict === 'infected' || verdict?.verdict === 'unscannable' ? 'quarantined' : asked
}

/** A verdict as databases keep it: verdict, engine and database are its beginning, which a query can compare. */
export function verdictText({ verdict, engine, database, signature, reason, lookedAt }: BlobVerdict): string {
  const rest = [signature ?? null, reason ?? null, lookedAt?.getTime() ?? null] as const
  return JSON.stringify([verdict, engine, database, ...rest] satisfies VerdictRow)
}

export function verdictOfText(text: string): BlobVerdict {
  const [verdict, engine, database, signature, reason, lookedAtMs = null] = JSON.parse(text) as VerdictRow
  return {
    verdict,
    engine,
    database,
    ...(signature === null ? {} : { signature }),
    ...(reason === null ? {} : { reason }),
    ...(lookedAtMs === null ? {} : { lookedAt: new Date(lookedAtMs) }),
  }
}

type VerdictRow = readonly [
  verdict: BlobVerdict['verdict'],
  engine: string,
  database: string,
  signature: string | null,
  reason: string | null,
  // Absent in what was written before looks were ordered.
  lookedAtMs?: number | null,
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
