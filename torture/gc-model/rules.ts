import { type Catalog, memoryCatalog } from '@mediakeep/core'
import { FIRST_KEY, GRACE_MS, SESSION_TTL_MS, type State, VOLUME } from './state.ts'
import type { Variant } from './variants.ts'

export function catalogOf(state: State, variant: Variant): Catalog {
  const catalog = memoryCatalog({
    tables: state.tables,
    clock: { now: () => state.nowMs, after: () => () => {} },
  })
  return variant.catalog(catalog, state)
}

/** What must hold between any two steps; `undefined` when it does. */
export function brokenRule({ tables, disk, actors }: State): string | undefined {
  for (const { key, contents } of tables.media.values()) {
    for (const { blob } of contents) {
      const live = [...blob.placements].filter(({ state }) => state === 'live')
      if (live.length === 0) return `the record ${key} has no live placement`
      if (!live.some((placement) => disk.has(placement.key))) return `the record ${key} has no bytes`
    }
  }
  for (const actor of actors) {
    if (actor.kind !== 'putter' || !actor.acknowledged) continue
    if (![...tables.media.values()].some(({ key }) => key === actor.name))
      return `${actor.name} was acknowledged, and there is no record`
  }
  const isDeleted = actors.some(({ kind, step }) => kind === 'deleter' && step === 'done')
  if (!isDeleted && ![...tables.media.values()].some(({ key }) => key === FIRST_KEY))
    return 'the first record is gone, and nobody deleted it'
  return undefined
}

/** Everybody who is left dies; then the upkeep of a fresh process must bring disk and catalog together. */
export async function afterRecovery(state: State, variant: Variant): Promise<string | undefined> {
  const limit = 100
  for (let round = 0; round < 2; round++) {
    state.nowMs += Math.max(GRACE_MS, SESSION_TTL_MS)
    const catalog = catalogOf(state, variant)
    await catalog.expireSessions({ limit })
    const orphans = await catalog.unknownKeys(VOLUME, [...state.disk])
    await catalog.leaveOrphans(
      VOLUME,
      orphans.map((key) => ({ key, storedBytes: 1 })),
    )
    await catalog.condemn({ limit })
    const claimed = await catalog.claimGarbage({ graceMs: GRACE_MS, limit })
    for (const { key } of claimed) state.disk.delete(key)
    await catalog.dropPlacements(claimed.map(({ id }) => id))
  }
  const { tables, disk } = state
  for (const { key, state: now, blob } of tables.placements.values()) {
    if (now !== 'live' || blob.contents.size === 0)
      return `after recovery ${key} is ${now}, with ${blob.contents.size} records`
    if (!disk.has(key)) return `after recovery the catalog names ${key}, which is not there`
  }
  const named = new Set([...tables.placements.values()].map(({ key }) => key))
  for (const key of disk) if (!named.has(key)) return `after recovery ${key} is there, and no row names it`
  if (tables.sessions.size > 0) return `after recovery ${tables.sessions.size} sessions are left`
  for (const blob of tables.blobs.values())
    if (blob.contents.size === 0) return `after recovery a blob is left that nothing refers to`
  return brokenRule(state)
}
