import { hasLink, linkTerm, readPage } from '../../catalog/index.ts'
import type { CatalogPage, CatalogUsage, MediaRecord, VolumeUsage } from '../../contracts/catalog.ts'
import type { LinkTarget, MediaQuery } from '../../contracts/media.ts'
import { idsBelow } from './postings.ts'
import { mediaRecord, servingContent } from './snapshots.ts'
import type { BlobRow, MediaRow, MemoryTables } from './tables.ts'

export function listMedia(tables: MemoryTables, namespace: string, query: MediaQuery): CatalogPage {
  const found = tables.namespaces.get(namespace)
  return readPage(namespace, query, {
    read: (term, before, count) => idsBelow(found?.postings.get(term) ?? [], before, count),
    load: (ids) => recordsOf(tables, ids),
    findKey(key) {
      const row = found?.byKey.get(key)
      return row === undefined ? undefined : mediaRecord(row)
    },
  })
}

/** Newest first for each target, in the order of the targets. */
export function linkedMedia(
  tables: MemoryTables,
  namespace: string,
  targets: readonly LinkTarget[],
  limitPerTarget: number,
): readonly (readonly MediaRecord[])[] {
  const postings = tables.namespaces.get(namespace)?.postings
  return targets.map((target) => {
    const ids = postings?.get(linkTerm(target)) ?? []
    return recordsOf(tables, idsBelow(ids, undefined, limitPerTarget)).filter((record) =>
      hasLink(record.links, target),
    )
  })
}

function recordsOf(tables: MemoryTables, ids: readonly string[]): MediaRecord[] {
  const records: MediaRecord[] = []
  for (const id of ids) {
    const row = tables.media.get(id)
    if (row !== undefined) records.push(mediaRecord(row))
  }
  return records
}

interface UsageSum {
  media: number
  logicalBytes: number
  readonly blobs: Set<BlobRow>
}

/**
 * Media and bytes per owner, type of what serves, or tier, by name. Logical bytes are those of every content kept;
 * stored bytes are those of live placements, once however many media of the same name share them.
 */
export function usageOf(
  tables: MemoryTables,
  namespace: string,
  by: 'owner' | 'type' | 'tier',
): CatalogUsage[] {
  const sums = new Map<string, UsageSum>()
  const add = (name: string, row: MediaRow, blobs: readonly BlobRow[]): void => {
    let sum = sums.get(name)
    if (sum === undefined) {
      sum = { media: 0, logicalBytes: 0, blobs: new Set() }
      sums.set(name, sum)
    }
    sum.media += 1
    for (const content of row.contents)
      if (blobs.includes(content.blob)) sum.logicalBytes += content.blob.sizeBytes
    for (const blob of blobs) sum.blobs.add(blob)
  }
  for (const row of tables.media.values()) {
    if (row.namespace !== namespace) continue
    const blobs = row.contents.map((content) => content.blob)
    if (by === 'owner') add(row.owner, row, blobs)
    else if (by === 'type') add(servingContent(row).contentType, row, blobs)
    else
      for (const tier of tiersOf(tables, blobs))
        add(
          tier,
          row,
          blobs.filter((blob) => storedIn(tables, blob, tier) > 0),
        )
  }
  return [...sums]
    .map(([name, { media, logicalBytes, blobs }]) => {
      let storedBytes = 0
      for (const blob of blobs) storedBytes += storedIn(tables, blob, by === 'tier' ? name : undefined)
      return { name, media, logicalBytes, storedBytes }
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

function tiersOf(tables: MemoryTables, blobs: readonly BlobRow[]): ReadonlySet<string> {
  const tiers = new Set<string>()
  for (const blob of blobs) {
    for (const placement of blob.placements) {
      const tier = tables.volumes.get(placement.volumeId)?.record?.tier
      if (placement.state === 'live' && tier !== undefined) tiers.add(tier)
    }
  }
  return tiers
}

/** Bytes of the live placements of a blob, in one tier when it is given. */
function storedIn(tables: MemoryTables, blob: BlobRow, tier: string | undefined): number {
  let bytes = 0
  for (const placement of blob.placements) {
    if (placement.state !== 'live') continue
    if (tier !== undefined && tables.volumes.get(placement.volumeId)?.record?.tier !== tier) continue
    bytes += placement.storedBytes
  }
  return bytes
}

export function volumeUsageOf(tables: MemoryTables): VolumeUsage[] {
  return [...tables.volumes].map(([volumeId, { storedBytes, objects, reservedBytes }]) => ({
    volumeId,
    storedBytes,
    objects,
    reservedBytes,
  }))
}
