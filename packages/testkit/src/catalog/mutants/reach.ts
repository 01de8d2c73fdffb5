import type { Catalog, MemoryTables } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'

/** Runs one call while external objects are taken for ours. */
export async function asOurs<T>(tables: MemoryTables, run: () => Promise<T>): Promise<T> {
  const external = [...tables.placements.values()].filter(({ owned }) => !owned)
  for (const placement of external) Object.assign(placement, { owned: true })
  try {
    return await run()
  } finally {
    for (const placement of external) Object.assign(placement, { owned: false })
  }
}

const claiming =
  (change: (options: Parameters<Catalog['claimGarbage']>[0]) => Parameters<Catalog['claimGarbage']>[0]) =>
  (inner: Catalog): Catalog =>
    withMembers(inner, { claimGarbage: (options) => inner.claimGarbage(change(options)) })

/** Faults of hosts that do not reach every volume. */
export const reachMutants: readonly CatalogMutant[] = [
  mutant(
    'reach.stages-any',
    'a put is told of copies out of its reach',
    ['reach.own', 'reach.gone'],
    (inner) =>
      withMembers(inner, { stagePlacement: (input) => inner.stagePlacement(without(input, 'reachable')) }),
  ),
  mutant(
    'reach.commits-any',
    'a copy out of reach stands in for the one that was to be used',
    ['reach.redundant', 'reach.gone', 'leave.puts'],
    (inner) =>
      withMembers(inner, { commitContent: (input) => inner.commitContent(without(input, 'reachable')) }),
  ),
  mutant(
    'garbage.any-volume',
    'garbage is claimed on all volumes',
    ['garbage.volumes'],
    claiming((options) => without(options, 'volumeIds')),
  ),
  mutant(
    'garbage.filters-late',
    'garbage elsewhere counts for the limit',
    ['garbage.volumes-limit'],
    (inner) =>
      withMembers(inner, {
        async claimGarbage({ volumeIds, ...options }) {
          const claimed = await inner.claimGarbage(options)
          return claimed.filter(({ volumeId }) => volumeIds?.includes(volumeId) !== false)
        },
      }),
  ),
  mutant(
    'garbage.any-kind',
    'condemned blobs are claimed with what leaves',
    ['garbage.leaving-only'],
    claiming((options) => without(options, 'kind')),
  ),
  mutant('garbage.not-ours', 'external objects are claimed', ['garbage.external'], (inner, tables) =>
    withMembers(inner, { claimGarbage: (options) => asOurs(tables, () => inner.claimGarbage(options)) }),
  ),
]
