import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

/** Faults with objects that no row names. */
export const orphanMutants: readonly CatalogMutant[] = [
  mutant(
    'orphans.takes-known',
    'leaveOrphans() takes objects that have a row',
    ['orphans.leave'],
    (inner, tables) =>
      withMembers(inner, {
        async leaveOrphans(volumeId, objects) {
          await inner.leaveOrphans(volumeId, objects)
          for (const placement of tables.placements.values()) {
            if (!objects.some(({ key }) => key === placement.key)) continue
            placement.state = 'leaving'
            tables.leaving.add(placement)
          }
          return objects.map(({ key }) => key)
        },
      }),
  ),
  mutant(
    'orphans.no-volume',
    'leaveOrphans() takes a key that another volume knows for known',
    ['orphans.leave'],
    (inner, tables) =>
      withMembers(inner, {
        leaveOrphans(volumeId, objects) {
          const keys = new Set([...tables.placements.values()].map(({ key }) => key))
          return inner.leaveOrphans(
            volumeId,
            objects.filter(({ key }) => !keys.has(key)),
          )
        },
      }),
  ),
  mutant('orphans.at-once', 'orphans go without grace', ['orphans.grace'], (inner, tables) =>
    withMembers(inner, {
      async leaveOrphans(volumeId, objects) {
        const taken = await inner.leaveOrphans(volumeId, objects)
        for (const placement of tables.leaving) placement.leavingSinceMs = 0
        return taken
      },
    }),
  ),
  mutant(
    'orphans.anew',
    'being found again starts the grace of an orphan anew',
    ['orphans.grace'],
    (inner, tables) =>
      withMembers(inner, {
        async leaveOrphans(volumeId, objects) {
          const known = [...tables.leaving].filter(({ key }) => objects.some((one) => one.key === key))
          await inner.dropPlacements(known.map(({ id }) => id))
          return inner.leaveOrphans(volumeId, objects)
        },
      }),
  ),
  mutant('orphans.loose', 'the blob of an orphan is not condemned', ['orphans.counted'], (inner, tables) =>
    withMembers(inner, {
      async leaveOrphans(volumeId, objects) {
        const taken = await inner.leaveOrphans(volumeId, objects)
        for (const { blob } of tables.leaving) blob.condemnedAtMs = undefined
        return taken
      },
    }),
  ),
  mutant('orphans.no-room', 'orphans do not count on their volume', ['orphans.counted'], (inner) =>
    withMembers(inner, {
      leaveOrphans: (volumeId, objects) =>
        inner.leaveOrphans(
          volumeId,
          objects.map(({ key }) => ({ key, storedBytes: 0 })),
        ),
    }),
  ),
  mutant(
    'keys.live-only',
    'unknownKeys() knows live and staged rows only',
    ['orphans.keys'],
    (inner, tables) =>
      withMembers(inner, {
        async unknownKeys(_volumeId, keys) {
          const known = [...tables.placements.values()].filter(
            ({ state }) => state === 'live' || state === 'staged',
          )
          return keys.filter((key) => !known.some((placement) => placement.key === key))
        },
      }),
  ),
  mutant('keys.by-end', 'unknownKeys() compares the ends of keys', ['orphans.keys'], (inner, tables) =>
    withMembers(inner, {
      async unknownKeys(volumeId, keys) {
        const unknown = await inner.unknownKeys(volumeId, keys)
        const known = [...tables.placements.values()].map(({ key }) => key)
        return unknown.filter((key) => !known.some((one) => one.slice(-36) === key.slice(-36)))
      },
    }),
  ),
]
