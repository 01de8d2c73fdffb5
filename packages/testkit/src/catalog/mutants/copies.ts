import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'

/** Faults of what verifying and repairing look at. */
export const copiesMutants: readonly CatalogMutant[] = [
  mutant('copies.live-only', 'listCopies() leaves bad copies out', ['copies.list'], (inner) =>
    withMembers(inner, {
      async listCopies(options) {
        const page = await inner.listCopies(options)
        return { ...page, copies: page.copies.filter(({ placement }) => placement.state === 'live') }
      },
    }),
  ),
  mutant('copies.every-volume', 'listCopies() gives the copies of all volumes', ['copies.list'], (inner) =>
    withMembers(inner, {
      listCopies: (options) => inner.listCopies({ ...options, volumeIds: ['kit-disk', 'kit-cold'] }),
    }),
  ),
  mutant('copies.no-digest', 'listCopies() does not say what is to be found', ['copies.list'], (inner) =>
    withMembers(inner, {
      async listCopies(options) {
        const page = await inner.listCopies(options)
        return { ...page, copies: page.copies.map((copy) => without(copy, 'digest')) }
      },
    }),
  ),
  mutant(
    'copies.by-offset',
    'the cursor of listCopies() is a number of rows',
    ['copies.walk', 'copies.bad-cursor'],
    (inner) =>
      withMembers(inner, {
        async listCopies({ cursor, limit, ...options }) {
          const start = Number(cursor ?? 0)
          const { copies } = await inner.listCopies({ ...options, limit: 1_000 })
          const end = start + limit
          return {
            copies: copies.slice(start, end),
            ...(end < copies.length ? { cursor: String(end) } : {}),
          }
        },
      }),
  ),
  mutant('copies.since', 'listCopies() gives what was verified lately too', ['copies.since'], (inner) =>
    withMembers(inner, {
      listCopies: (options) => inner.listCopies(without(options, 'notVerifiedSince')),
    }),
  ),
  mutant(
    'copies.verified-never',
    'markVerified() does not note when',
    ['copies.verified', 'copies.since'],
    (inner, tables) =>
      withMembers(inner, {
        async markVerified(ids) {
          await inner.markVerified(ids)
          for (const id of ids) {
            const placement = tables.placements.get(id)
            if (placement !== undefined) placement.verifiedAtMs = undefined
          }
        },
      }),
  ),
  mutant(
    'copies.stays-bad',
    'a bad copy that is found right stays bad',
    ['copies.verified', 'thin.distinct'],
    (inner, tables) =>
      withMembers(inner, {
        async markVerified(ids) {
          const bad = ids.filter((id) => tables.placements.get(id)?.state === 'bad')
          await inner.markVerified(ids)
          for (const id of bad) await inner.markBad(id)
        },
      }),
  ),
  mutant(
    'copies.revives-all',
    'markVerified() makes live whatever it is given',
    ['copies.verified-only'],
    (inner, tables) =>
      withMembers(inner, {
        async markVerified(ids) {
          for (const id of ids) {
            const placement = tables.placements.get(id)
            if (placement !== undefined) placement.state = 'live'
          }
        },
      }),
  ),
  mutant('thin.counts-bad', 'bad copies count as copies', ['thin.bad'], (inner) =>
    withMembers(inner, {
      async listThinBlobs(options) {
        const page = await inner.listThinBlobs(options)
        return {
          ...page,
          blobs: page.blobs.filter(({ placements }) => placements.length < options.minCopies),
        }
      },
    }),
  ),
  mutant('thin.not-distinct', 'two copies on one volume count twice', ['thin.distinct'], (inner) =>
    withMembers(inner, {
      async listThinBlobs(options) {
        const page = await inner.listThinBlobs(options)
        const blobs = page.blobs.filter(
          ({ placements }) => placements.filter(({ state }) => state === 'live').length < options.minCopies,
        )
        return { ...page, blobs }
      },
    }),
  ),
  mutant('thin.no-volumes', 'copies on any volume count', ['thin.count'], (inner) =>
    withMembers(inner, {
      listThinBlobs: (options) => inner.listThinBlobs({ ...options, volumeIds: ['kit-disk', 'kit-cold'] }),
    }),
  ),
  mutant(
    'thin.unreferenced',
    'blobs that nothing refers to are thin too',
    ['thin.referenced'],
    (inner, tables) =>
      withMembers(inner, {
        async listThinBlobs(options) {
          const page = await inner.listThinBlobs(options)
          const blobs = [...page.blobs]
          for (const { id, contents } of tables.blobs.values()) {
            const copies = await inner.copiesOf(id)
            if (contents.size === 0 && copies !== undefined) blobs.push(copies)
          }
          return { ...page, blobs }
        },
      }),
  ),
  mutant('thin.first-page', 'listThinBlobs() stops after one page', ['thin.walk'], (inner) =>
    withMembers(inner, {
      listThinBlobs: async (options) => ({ blobs: (await inner.listThinBlobs(options)).blobs }),
    }),
  ),
]
