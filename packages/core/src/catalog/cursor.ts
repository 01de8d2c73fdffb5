import { createHash } from 'node:crypto'
import { isId } from '../bytes/id.ts'
import type { MediaQuery } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'

const VERSION = '1'
const SHAPE = /^[A-Za-z0-9_-]{1,128}$/

/** An opaque cursor: continue below `lastId`, for this namespace and these filters only. */
export function encodeCursor(namespace: string, query: MediaQuery, lastId: string): string {
  return Buffer.from(`${VERSION}.${fingerprint(namespace, query)}.${lastId}`).toString('base64url')
}

/**
 * The id below which the page continues; `undefined` when the query has no cursor.
 * @throws MediaError MEDIA_BAD_INPUT `bad-cursor` for one of another query or namespace, a later version, or garbage.
 */
export function decodeCursor(namespace: string, query: MediaQuery): string | undefined {
  const { cursor } = query
  if (cursor === undefined) return undefined
  if (typeof cursor !== 'string' || !SHAPE.test(cursor)) throw badCursor('it was not made here')
  const [version, print, lastId, ...rest] = Buffer.from(cursor, 'base64url').toString('latin1').split('.')
  if (version !== VERSION || lastId === undefined || rest.length > 0 || !isId(lastId)) {
    throw badCursor('it was not made here')
  }
  if (print !== fingerprint(namespace, query)) throw badCursor('it belongs to another query')
  return lastId
}

/** Filters only: a reader may change the size of its pages on the way. */
function fingerprint(namespace: string, query: MediaQuery): string {
  const filters = [
    namespace,
    query.owner,
    query.type?.toLowerCase(),
    query.state,
    query.tag,
    query.link?.kind,
    query.link?.target,
    query.key,
    query.q,
    query.createdAfter?.getTime(),
    query.createdBefore?.getTime(),
  ].map((filter) => filter ?? null)
  return createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 16)
}

function badCursor(why: string): MediaError {
  return new MediaError(
    'MEDIA_BAD_INPUT',
    `the cursor cannot be used: ${why}; start again from the first page`,
    {
      reason: 'bad-cursor',
    },
  )
}
