import { type Statement, sql } from '../connection/statement.ts'

/** What is added up: the bytes on a volume, or those of an owner in a namespace. */
export const volumeSubject = (volumeId: string): string => `v:${volumeId}`
export const ownerSubject = (namespace: string, owner: string): string =>
  `o:${namespace.length}:${namespace}:${owner}`

/** Rows that one sum is spread over: puts that meet in a row wait for each other's disk. */
const SHARDS = 8

export const anyShard = (): number => Math.floor(Math.random() * SHARDS)

export interface TotalChange {
  readonly subject: string
  readonly items: number
  readonly bytes: number
}

/** SQL that adds the rows of `changes(subject, items, bytes)` to the sums of shard `$1`. */
export const addToTotals = (
  changes: string,
): string => `INSERT INTO @totals AS t (subject, shard, items, bytes)
  SELECT subject, $1::bigint, sum(items)::bigint, sum(bytes)::bigint FROM ${changes} GROUP BY subject ORDER BY subject
  ON CONFLICT (subject, shard) DO UPDATE SET items = t.items + excluded.items, bytes = t.bytes + excluded.bytes`

const ADD = addToTotals('unnest($2::text[], $3::bigint[], $4::bigint[]) AS c(subject, items, bytes)')

/** Every change of what lies on a volume or belongs to an owner goes through here, or through `addToTotals`. */
export function changeTotals(changes: readonly TotalChange[]): Statement {
  return sql(
    ADD,
    anyShard(),
    changes.map(({ subject }) => subject),
    changes.map(({ items }) => items),
    changes.map(({ bytes }) => bytes),
  )
}
