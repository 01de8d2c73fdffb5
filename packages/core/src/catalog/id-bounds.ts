import type { MediaQuery } from '../contracts/media.ts'

/** How far the clock that made an id may be ahead of the catalog's. */
const MAX_CLOCK_AHEAD_MS = 60 * 60_000
/** How long a record may come after its id was made: the length of an upload. */
const MAX_UPLOAD_MS = 7 * 24 * 60 * 60_000
const MAX_ID_MS = 2 ** 48 - 1

/** Bounds of ids: `before` is exclusive, `from` inclusive. */
export interface IdBounds {
  readonly before?: string
  readonly from?: string
}

/**
 * Where in the order of ids a range of time lies. Ids carry the time they were made, `createdAt` is the catalog's
 * and later by the upload, so the bounds are wider than the range; `matchesQuery` decides about each record.
 */
export function idBounds(query: Pick<MediaQuery, 'createdAfter' | 'createdBefore'>): IdBounds {
  const before = query.createdBefore && idPrefix(query.createdBefore.getTime() + MAX_CLOCK_AHEAD_MS)
  const from = query.createdAfter && idPrefix(query.createdAfter.getTime() - MAX_UPLOAD_MS)
  return { ...(before === undefined ? {} : { before }), ...(from === undefined ? {} : { from }) }
}

/** What all ids made in this millisecond start with; sorts before them. `undefined` where ids have no such time. */
function idPrefix(ms: number): string | undefined {
  if (!(ms >= 0 && ms <= MAX_ID_MS)) return undefined
  const hex = Math.floor(ms).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}
