import type { Catalog, PortableMedia } from '@mediakeep/core'
import { type CatalogMutant, type Mutation, mutant, withMembers, without } from './mutant.ts'

const imports =
  (change: (media: PortableMedia) => PortableMedia): Mutation =>
  (inner) =>
    withMembers(inner, { importMedia: (media) => inner.importMedia(media.map(change)) })

/** One by one, skipping what the catalog refuses or what `skip` says. */
const oneByOne =
  (skip: (inner: Catalog, media: PortableMedia) => Promise<boolean>): Mutation =>
  (inner) =>
    withMembers(inner, {
      async importMedia(media) {
        let written = 0
        for (const one of media) if (!(await skip(inner, one))) written += await inner.importMedia([one])
        return written
      },
    })

/** Faults of export and import. */
export const portableMutants: readonly CatalogMutant[] = [
  mutant(
    'portable.touches',
    'importMedia() takes the time of the import for that of the change',
    ['portable.round-trip'],
    imports((media) => ({ ...media, updatedAt: new Date(0) })),
  ),
  mutant(
    'portable.counts-anew',
    'imported media begin at revision 1 again',
    ['portable.round-trip', 'portable.put-after'],
    imports((media) => ({ ...media, revision: 1 })),
  ),
  mutant(
    'portable.no-verdict',
    'what was found in bytes does not travel',
    ['portable.held'],
    imports((media) => ({ ...media, blob: without(media.blob, 'verdict') })),
  ),
  mutant(
    'portable.lets-out',
    'what is held is active after it was imported',
    ['portable.held', 'portable.round-trip'],
    imports((media) => ({
      ...media,
      content: { ...media.content, state: 'active' },
      blob: without(media.blob, 'verdict'),
    })),
  ),
  mutant(
    'portable.no-sums',
    'chunk sums do not travel',
    ['portable.sums'],
    imports((media) => ({ ...media, blob: without(media.blob, 'chunkSums') })),
  ),
  mutant(
    'portable.one-domain',
    'all blobs come into one domain',
    ['portable.round-trip'],
    imports((media) => ({ ...media, blob: { ...media.blob, domain: '' } })),
  ),
  mutant(
    'portable.one-namespace',
    'exportMedia() ends with its first namespace',
    ['portable.walk'],
    (inner) =>
      withMembers(inner, {
        async exportMedia(options) {
          const page = await inner.exportMedia(options)
          return { ...page, media: page.media.filter(({ namespace }) => namespace === 'alpha') }
        },
      }),
  ),
  mutant(
    'portable.of-any-blob',
    'exportMedia() of a blob gives the media of every blob',
    ['portable.of-blob'],
    (inner) =>
      withMembers(inner, { exportMedia: (options) => inner.exportMedia(without(options, 'blobId')) }),
  ),
  mutant('portable.newest-first', 'exportMedia() gives the newest first', ['portable.walk'], (inner) =>
    withMembers(inner, {
      async exportMedia(options) {
        const page = await inner.exportMedia(options)
        return { ...page, media: [...page.media].reverse() }
      },
    }),
  ),
  mutant(
    'portable.overwrites',
    'importMedia() writes records that are there as they are',
    ['portable.idempotent', 'portable.later'],
    (inner) =>
      withMembers(inner, {
        async importMedia(media) {
          for (const { namespace, id } of media) await inner.delete(namespace, id)
          return inner.importMedia(media)
        },
      }),
  ),
  mutant(
    'portable.never-later',
    'importMedia() leaves every record that is there',
    ['portable.later'],
    oneByOne(async (inner, { namespace, id }) => (await inner.get(namespace, id)) !== undefined),
  ),
  mutant('portable.first-key', 'a host key is of the media that comes first', ['portable.keys'], (inner) =>
    withMembers(inner, {
      async importMedia(media) {
        let written = 0
        for (const one of media) {
          const holder = one.key === undefined ? undefined : await inner.get(one.namespace, { key: one.key })
          const isTaken = holder !== undefined && holder.id !== one.id
          written += await inner.importMedia([isTaken ? without(one, 'key') : one])
        }
        return written
      },
    }),
  ),
  mutant(
    'portable.no-dedupe',
    'a put does not find the bytes that were imported',
    ['portable.put-after'],
    (inner, tables) =>
      withMembers(inner, {
        async importMedia(media) {
          const written = await inner.importMedia(media)
          tables.blobsByDigest.clear()
          return written
        },
      }),
  ),
  mutant(
    'portable.records-only',
    'importMedia() leaves a record that stays without the copies told of it',
    ['portable.placements'],
    oneByOne(async (inner, { namespace, id, revision }) => {
      const known = await inner.get(namespace, id)
      return known !== undefined && known.revision >= revision
    }),
  ),
  mutant(
    'portable.brings-back',
    'importMedia() makes blobs for records that stay',
    ['portable.stale'],
    (inner) =>
      withMembers(inner, {
        async importMedia(media) {
          const written = await inner.importMedia(media)
          for (const { placements } of media)
            for (const { volumeId, key, storedBytes } of placements)
              await inner.leaveOrphans(volumeId, [{ key, storedBytes }])
          return written
        },
      }),
  ),
  mutant(
    'portable.lets-go',
    'an object that was taken for an orphan goes, whoever it belongs to',
    ['portable.taken-back'],
    (inner) =>
      withMembers(inner, {
        async importMedia(media) {
          const known: PortableMedia[] = []
          for (const one of media) {
            const placements: PortableMedia['placements'][number][] = []
            for (const placement of one.placements) {
              const unknown = await inner.unknownKeys(placement.volumeId, [placement.key])
              if (unknown.length > 0) placements.push(placement)
            }
            known.push({ ...one, placements })
          }
          return inner.importMedia(known)
        },
      }),
  ),
  mutant(
    'portable.blob-each',
    'each media without digest has a blob of its own',
    ['portable.no-digest'],
    (inner) =>
      withMembers(inner, {
        async importMedia(media) {
          let written = 0
          for (const [n, one] of media.entries())
            written += await inner.importMedia([
              n > 0 && one.blob.digest === undefined ? { ...one, placements: [] } : one,
            ])
          return written
        },
      }),
  ),
  mutant(
    'portable.in-memory',
    'what was imported is forgotten when the catalog is closed',
    ['reopen.copies'],
    (inner, tables) => {
      const imported: string[] = []
      return withMembers(inner, {
        async importMedia(media) {
          const written = await inner.importMedia(media)
          imported.push(...media.map(({ id }) => id))
          return written
        },
        async close() {
          await inner.close()
          for (const id of imported) tables.media.delete(id)
        },
      })
    },
  ),
  mutant(
    'portable.piecemeal',
    'importMedia() keeps what came before a fault',
    ['portable.atomic'],
    oneByOne(async () => false),
  ),
]
