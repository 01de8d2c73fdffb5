import { type Catalog, externalDomain, type MemoryTables } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers } from './mutant.ts'
import { asOurs } from './reach.ts'

type Options = Parameters<Catalog['leaveCopies']>[1]

/** Lets a copy go whatever is kept. */
function force(tables: MemoryTables, id: string): void {
  const placement = tables.placements.get(id)
  if (placement === undefined) return
  placement.state = 'leaving'
  placement.leavingSinceMs = 0
  tables.leaving.add(placement)
}

/** Other live copies on homes, each counted. */
function othersOf(tables: MemoryTables, id: string, { homes }: Options): number {
  const others = [...(tables.placements.get(id)?.blob.placements ?? [])].filter(
    (one) => one.id !== id && one.state === 'live' && homes.includes(one.volumeId),
  )
  return others.length
}

function hasSecond(tables: MemoryTables, id: string): boolean {
  const copy = tables.placements.get(id)
  return [...(copy?.blob.placements ?? [])].some(
    (one) => one !== copy && one.state === 'live' && one.volumeId === copy?.volumeId,
  )
}

/** Faults of letting copies go. */
export const leaveMutants: readonly CatalogMutant[] = [
  mutant('leave.at-once', 'a copy that leaves is gone at once', ['leave.goes'], (inner) =>
    withMembers(inner, {
      async leaveCopies(ids, options) {
        const left = await inner.leaveCopies(ids, options)
        await inner.dropPlacements(left)
        return left
      },
    }),
  ),
  mutant('leave.any-home', 'copies on any volume keep', ['leave.keep'], (inner, tables) =>
    withMembers(inner, {
      leaveCopies: (ids, { keep }) => inner.leaveCopies(ids, { homes: [...tables.volumes.keys()], keep }),
    }),
  ),
  mutant(
    'leave.external-keeps',
    'an external object keeps what copies hold, and leaves itself',
    ['leave.external-keeps-nothing'],
    (inner, tables) =>
      withMembers(inner, {
        leaveCopies: (ids, options) => asOurs(tables, () => inner.leaveCopies(ids, options)),
      }),
  ),
  mutant(
    'leave.external-stays',
    'copies of external objects never leave',
    ['leave.external'],
    (inner, tables) =>
      withMembers(inner, {
        leaveCopies: (ids, options) =>
          inner.leaveCopies(
            ids.filter((id) => tables.placements.get(id)?.blob.domain !== externalDomain('')),
            options,
          ),
      }),
  ),
  mutant('leave.counts-copies', 'two copies on one volume keep as two', ['leave.distinct'], (inner, tables) =>
    withMembers(inner, {
      async leaveCopies(ids, options) {
        const left = ids.filter((id) => othersOf(tables, id, options) >= options.keep)
        for (const id of left) force(tables, id)
        return left
      },
    }),
  ),
  mutant(
    'leave.second-stays',
    'a second copy on one volume never leaves',
    ['leave.surplus', 'leave.distinct'],
    (inner, tables) =>
      withMembers(inner, {
        leaveCopies: (ids, options) =>
          inner.leaveCopies(
            ids.filter((id) => !hasSecond(tables, id)),
            options,
          ),
      }),
  ),
  mutant('leave.any-state', 'bad copies leave too', ['leave.live-only'], (inner, tables) =>
    withMembers(inner, {
      leaveCopies(ids, options) {
        for (const id of ids) {
          const placement = tables.placements.get(id)
          if (placement?.state === 'bad') placement.state = 'live'
        }
        return inner.leaveCopies(ids, options)
      },
    }),
  ),
  mutant(
    'leave.one-look',
    'all copies of a call are judged by one look',
    ['leave.in-turn'],
    (inner, tables) =>
      withMembers(inner, {
        async leaveCopies(ids, options) {
          const left = ids.filter((id) => othersOf(tables, id, options) >= options.keep)
          await inner.leaveCopies(ids, options)
          for (const id of left) force(tables, id)
          return left
        },
      }),
  ),
  mutant(
    'leave.looks-first',
    'a host looks, and lets go in another transaction',
    ['leave.two-hosts'],
    (inner, tables) =>
      withMembers(inner, {
        async leaveCopies(ids, options) {
          const left = ids.filter((id) => othersOf(tables, id, options) >= options.keep)
          await new Promise((resolve) => setImmediate(resolve))
          for (const id of left) force(tables, id)
          return left
        },
      }),
  ),
  mutant('leave.pins-hold', 'a pin holds every copy back', ['leave.pinned'], (inner, tables) =>
    withMembers(inner, {
      leaveCopies: (ids, options) =>
        inner.leaveCopies(
          ids.filter((id) => (tables.placements.get(id)?.blob.pins.size ?? 0) === 0),
          options,
        ),
    }),
  ),
  mutant('leave.keeps-one', 'to keep none is taken for one', ['leave.bad-keep'], (inner) =>
    withMembers(inner, {
      leaveCopies: (ids, { homes, keep }) => inner.leaveCopies(ids, { homes, keep: keep >= 1 ? keep : 1 }),
    }),
  ),
]
