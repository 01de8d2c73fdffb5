import assert from 'node:assert/strict'
import {
  type Catalog,
  isMediaError,
  type MediaErrorCode,
  type MediaQuery,
  type MediaRecord,
  type MediaRef,
} from '@mediakeep/core'

/** The call rejects with a MediaError of this code, and this reason when one is given. */
export async function refuses(
  code: MediaErrorCode,
  call: Promise<unknown>,
  what: string,
  reason?: string,
): Promise<void> {
  let error: unknown
  try {
    await call
  } catch (thrown) {
    error = thrown
  }
  assert.notEqual(error, undefined, `${what}: succeeded, ${code} was promised`)
  const shown = isMediaError(error) ? `${error.code} (${error.message})` : String(error)
  assert.ok(isMediaError(error, code), `${what}: threw ${shown} instead of ${code}`)
  if (reason !== undefined) assert.equal(error.reason, reason, `${what}: the reason of ${code}`)
}

/** The record, which must be there. */
export async function recordOf(catalog: Catalog, namespace: string, ref: MediaRef): Promise<MediaRecord> {
  const record = await catalog.get(namespace, ref)
  assert.ok(record !== undefined, `get(${JSON.stringify(ref)}) finds nothing`)
  return record
}

const MAX_PAGES = 10_000

/** All records of a query, over as many pages as it takes. */
export async function listAll(
  catalog: Catalog,
  namespace: string,
  query: Omit<MediaQuery, 'cursor'> = {},
): Promise<MediaRecord[]> {
  const records: MediaRecord[] = []
  const limit = query.limit ?? 100
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await catalog.list(namespace, {
      ...query,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    })
    assert.ok(
      page.records.length <= limit,
      `a page of ${page.records.length} records, ${limit} were asked for`,
    )
    records.push(...page.records)
    if (page.nextCursor === undefined) return records
    assert.notEqual(page.nextCursor, cursor, 'list() gives the same cursor again')
    cursor = page.nextCursor
  }
  return assert.fail('list() does not end')
}

export async function listIds(
  catalog: Catalog,
  namespace: string,
  query: Omit<MediaQuery, 'cursor'> = {},
): Promise<string[]> {
  return (await listAll(catalog, namespace, query)).map((record) => record.id)
}

/** What a record says, without its placements' internals: for comparing two looks at it. */
export function sameRecord(actual: MediaRecord | undefined, expected: MediaRecord, what: string): void {
  assert.deepEqual(actual === undefined ? undefined : plain(actual), plain(expected), what)
}

/** Catalogs may build objects as they like, members in any order; JSON shows what they say. Compare deeply. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
