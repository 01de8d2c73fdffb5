import type { Catalog, MemoryTables } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

type Blob = NonNullable<ReturnType<MemoryTables['blobs']['get']>>

/** Spoils the blob that took over what another one held. */
const joining =
  (spoil: (blob: Blob, tables: MemoryTables) => void) =>
  (inner: Catalog, tables: MemoryTables): Catalog =>
    withMembers(inner, {
      async learnDigest(blobId, learned) {
        const holder = await inner.learnDigest(blobId, learned)
        const blob = holder === undefined || holder === blobId ? undefined : tables.blobs.get(holder)
        if (blob !== undefined) spoil(blob, tables)
        return holder
      },
    })

const twinOf = (tables: MemoryTables, digest: string): Blob | undefined =>
  [...tables.blobs.values()].find((blob) => blob.digest === digest)

/** Faults of learning what the bytes of an external object are. */
export const learnMutants: readonly CatalogMutant[] = [
  mutant('learn.no-sums', 'learned chunk sums are not kept', ['learn.alone'], (inner, tables) =>
    withMembers(inner, {
      async learnDigest(blobId, learned) {
        const holder = await inner.learnDigest(blobId, learned)
        const blob = tables.blobs.get(blobId)
        if (blob !== undefined) blob.chunkSums = undefined
        return holder
      },
    }),
  ),
  mutant('learn.old-blob', 'learnDigest() names the blob that is gone', ['learn.joins'], (inner) =>
    withMembers(inner, {
      async learnDigest(blobId, learned) {
        await inner.learnDigest(blobId, learned)
        return blobId
      },
    }),
  ),
  mutant(
    'learn.forgets-twins',
    'a replaced object takes those of the same bytes along',
    ['learn.two-objects'],
    (inner, tables) =>
      withMembers(inner, {
        async registerExternal(input) {
          for (const { key } of input.objects) {
            const known = [...tables.placements.values()].find((one) => one.key === key)
            for (const { volumeId, key: other, etag } of known?.blob.placements ?? [])
              if (other !== key)
                await inner.forgetExternal(volumeId, [
                  { key: other, ...(etag === undefined ? {} : { etag }) },
                ])
          }
          const outcomes = await inner.registerExternal(input)
          return outcomes
        },
      }),
  ),
  mutant(
    'learn.unsorted',
    'copies of a blob stand in the order in which they came to it',
    ['learn.walk'],
    joining(({ placements }) => {
      const latestFirst = [...placements].sort((one, other) => other.order - one.order)
      placements.clear()
      for (const placement of latestFirst) placements.add(placement)
    }),
  ),
  mutant(
    'learn.drops-moves',
    'what was planned for a blob is lost with it',
    ['learn.under-way'],
    joining((blob, { moves, movesByTarget }) => {
      for (const [target, move] of movesByTarget) {
        if (move.blob !== blob || move.toVolumeId !== 'kit-cold') continue
        moves.delete(move.id)
        movesByTarget.delete(target)
      }
    }),
  ),
  mutant(
    'learn.drops-pins',
    'pins are lost with their blob',
    ['learn.pinned'],
    joining((blob) => {
      blob.pins.clear()
    }),
  ),
  mutant('learn.any-domain', 'digests of all domains are one', ['learn.domain'], (inner) =>
    withMembers(inner, {
      learnDigest: (blobId, learned) => inner.learnDigest(blobId, { ...learned, domain: '' }),
    }),
  ),
  mutant(
    'learn.stays-condemned',
    'a condemned blob that is wanted again stays condemned',
    ['learn.revives', 'learn.grace'],
    joining((blob, { unreferenced }) => {
      blob.condemnedAtMs = 0
      unreferenced.add(blob)
    }),
  ),
  mutant('learn.any-size', 'sizes are not compared', ['learn.other-size'], (inner, tables) =>
    withMembers(inner, {
      learnDigest(blobId, learned) {
        const [blob, twin] = [tables.blobs.get(blobId), twinOf(tables, learned.digest)]
        if (blob !== undefined && twin !== undefined) Object.assign(blob, { sizeBytes: twin.sizeBytes })
        return inner.learnDigest(blobId, learned)
      },
    }),
  ),
  mutant('learn.beside', 'what is learned stands beside a blob in use', ['learn.race'], (inner, tables) =>
    withMembers(inner, {
      learnDigest(blobId, learned) {
        const isBusy = (twinOf(tables, learned.digest)?.pins.size ?? 0) > 0
        return inner.learnDigest(blobId, isBusy ? { ...learned, domain: blobId } : learned)
      },
    }),
  ),
]
