import type { WalkOptions } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { idAsJson, readJsonId, storeId } from '../ids.ts'
import { UNREFERENCED } from './references.ts'
import { walkCursor, walkFrom } from './walk.ts'

/** One page of blobs: how many were looked at, and those whose mark does not say what is. */
export interface RecheckPage {
  readonly checked: number
  readonly suspects: readonly string[]
  readonly cursor?: string
}

/**
 * An anti-join along both b-trees, one statement and one row a page: a million blobs take seconds and no memory.
 * It writes nothing: the writing thread judges the few that are suspect again, under its lock.
 */
const PAGE = `SELECT json_array(count(*), ${idAsJson('max(id)')},
    json_group_array(${idAsJson('id')}) FILTER (WHERE (state = 'live') = isUnreferenced)) AS json
  FROM (SELECT b.id AS id, b.state AS state, ${UNREFERENCED} AS isUnreferenced FROM blobs b
    WHERE b.id > ? ORDER BY b.id LIMIT ?)`

export function recheckPage(database: Database, { cursor, limit }: WalkOptions): RecheckPage {
  const row = database
    .json<readonly [checked: number, lastId: string | null, suspects: readonly string[]]>(PAGE)
    .get(...walkFrom('blobs', 1, cursor), limit)
  const [checked, lastId, suspects] = row ?? [0, null, []]
  return {
    checked,
    suspects: suspects.map(readJsonId),
    ...(lastId === null || checked < limit
      ? {}
      : { cursor: walkCursor('blobs', storeId(readJsonId(lastId))) }),
  }
}
