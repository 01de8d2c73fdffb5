import { MediaError } from '../errors/media-error.ts'

const SHAPE = /^[A-Za-z0-9_-]{1,16384}$/

/** What a walk goes through; a cursor of one means nothing to another. */
export type WalkName = 'blobs' | 'copies' | 'thin-blobs' | 'unscanned' | 'media' | 'moves' | 'external'

/** An opaque cursor: the walk goes on behind the row of these names. */
export function encodeWalkCursor(walk: WalkName, ...row: readonly string[]): string {
  return Buffer.from(JSON.stringify([walk, ...row])).toString('base64url')
}

/**
 * The names of the row behind which the walk goes on; `undefined` without a cursor.
 * @param names how many names a row of this walk has
 * @throws MediaError MEDIA_BAD_INPUT `bad-cursor` for a cursor of another walk, or garbage.
 */
export function decodeWalkCursor(
  walk: WalkName,
  names: number,
  cursor: string | undefined,
): readonly string[] | undefined {
  if (cursor === undefined) return undefined
  const [name, ...row] = texts(cursor)
  if (name === walk && row.length === names) return row
  throw new MediaError(
    'MEDIA_BAD_INPUT',
    `the cursor is none of a walk through ${walk}; start again without one`,
    { reason: 'bad-cursor' },
  )
}

function texts(cursor: string): readonly string[] {
  if (!SHAPE.test(cursor)) return []
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value
  } catch {
    // no JSON: no cursor of ours
  }
  return []
}
