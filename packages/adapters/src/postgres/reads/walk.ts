import { decodeWalkCursor, type WalkName } from '@mediakeep/core'

/** Most rows that one page of a walk looks at: a statement is never long, however few rows it gives. */
export const MAX_LOOKED_AT = 10_000

/** The ids behind which the walk goes on. No id is empty. */
export function walkFrom(walk: WalkName, ids: number, cursor: string | undefined): readonly string[] {
  return decodeWalkCursor(walk, ids, cursor) ?? Array<string>(ids).fill('')
}
