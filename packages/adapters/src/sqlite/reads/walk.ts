import { decodeWalkCursor, encodeWalkCursor, type WalkName } from '@mediakeep/core'
import { readId, type StoredId, storeId } from '../ids.ts'

/** Sorts before every id: texts sort before bytes, and no name is empty. */
export const BELOW_ALL = ''

/** Most rows that one page of a walk looks at: a page never holds the thread for long, however few rows it gives. */
export const MAX_LOOKED_AT = 10_000

/** The ids behind which the walk goes on. */
export function walkFrom(walk: WalkName, ids: number, cursor: string | undefined): readonly StoredId[] {
  return decodeWalkCursor(walk, ids, cursor)?.map(storeId) ?? Array<StoredId>(ids).fill(BELOW_ALL)
}

export function walkCursor(walk: WalkName, ...ids: readonly StoredId[]): string {
  return encodeWalkCursor(walk, ...ids.map(readId))
}

/** SQL of a list of so many values. */
export function places(count: number): string {
  return `(${Array(count).fill('?').join(', ')})`
}
