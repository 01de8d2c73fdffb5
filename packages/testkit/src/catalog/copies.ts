import assert from 'node:assert/strict'
import {
  type BlobCopies,
  type Catalog,
  newId,
  type StageCopy,
  type StagedCopy,
  type StoredCopy,
} from '@mediakeep/core'
import { beginInput, LONG_TTL_MS, type PutInput, put } from './put.ts'

const MAX_PAGES = 1_000

export const DISK = 'kit-disk'
export const COLD = 'kit-cold'

export function copyInput(blobId: string, input: Partial<StageCopy> = {}): StageCopy {
  const placementId = newId()
  return {
    session: beginInput(),
    blobId,
    volumeId: COLD,
    placementId,
    key: `copy/${placementId}`,
    leaseMs: LONG_TTL_MS,
    ...input,
  }
}

/** A further copy under way: what was asked for and what came of it. */
export type CopyUnderWay = StageCopy & { readonly staged: Extract<StagedCopy, { readonly type: 'staged' }> }

export async function startCopy(
  catalog: Catalog,
  blobId: string,
  given: Partial<StageCopy> = {},
): Promise<CopyUnderWay> {
  const input = copyInput(blobId, given)
  const staged = await catalog.stageCopy(input)
  if (staged.type === 'staged') return { ...input, staged }
  return assert.fail(`stageCopy() answers ${staged.type}`)
}

export function endCopy(
  catalog: Catalog,
  copy: CopyUnderWay,
  placement: { readonly etag?: string } = {},
): Promise<{ readonly redundant: boolean }> {
  return catalog.commitCopy({
    session: copy.staged.session,
    placement: { id: copy.placementId, storedBytes: copy.staged.blob.sizeBytes, ...placement },
  })
}

export interface PutCopy {
  readonly id: string
  readonly blobId: string
  readonly placementId: string
}

/** A put whose bytes nobody else has, on one volume. */
export async function putOne(catalog: Catalog, input: PutInput = {}): Promise<PutCopy> {
  const { record } = await put(catalog, input)
  const [placement] = record.content.placements
  assert.ok(placement !== undefined)
  return { id: record.id, blobId: record.content.blobId, placementId: placement.id }
}

/** Page by page until there is no cursor. */
export async function walk<Item>(
  page: (cursor: { readonly cursor?: string }) => Promise<{
    readonly items: readonly Item[]
    readonly cursor?: string
  }>,
  limit: number,
): Promise<readonly Item[]> {
  const items: Item[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const found = await page(cursor === undefined ? {} : { cursor })
    assert.ok(found.items.length <= limit, `a page of ${found.items.length}, ${limit} were asked for`)
    items.push(...found.items)
    if (found.cursor === undefined) return items
    assert.notEqual(found.cursor, cursor, 'the same cursor again')
    cursor = found.cursor
  }
  return assert.fail('the walk does not end')
}

export function allCopies(
  catalog: Catalog,
  options: Omit<Parameters<Catalog['listCopies']>[0], 'cursor' | 'limit'>,
  limit = 100,
): Promise<readonly StoredCopy[]> {
  return walk(async (cursor) => {
    const { copies, ...page } = await catalog.listCopies({ ...options, limit, ...cursor })
    return { ...page, items: copies }
  }, limit)
}

export function allThin(
  catalog: Catalog,
  minCopies: number,
  volumeIds: readonly string[] = [DISK, COLD],
  limit = 100,
): Promise<readonly BlobCopies[]> {
  return walk(async (cursor) => {
    const { blobs, ...page } = await catalog.listThinBlobs({ volumeIds, minCopies, limit, ...cursor })
    return { ...page, items: blobs }
  }, limit)
}
