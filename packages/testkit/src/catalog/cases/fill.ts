import type { Catalog } from '@mediakeep/core'
import { idAt, type PutInput, put, timeOf } from '../put.ts'

/** Makes records with ids in order, many at a time. @returns their ids, newest first. */
export async function fill(
  catalog: Catalog,
  count: number,
  input: (n: number) => PutInput = () => ({}),
): Promise<string[]> {
  const startMs = await timeOf(catalog)
  const ids = Array.from({ length: count }, (_, n) => idAt(startMs, n))
  const PARALLEL = 32
  for (let at = 0; at < count; at += PARALLEL) {
    await Promise.all(
      ids
        .slice(at, at + PARALLEL)
        .map((id, offset) => put(catalog, { bytes: 'listed', id, ...input(at + offset) })),
    )
  }
  return ids.reverse()
}
