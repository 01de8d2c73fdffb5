import type { Catalog, PlacementRecord } from '@mediakeep/core'
import { NAMESPACES, VOLUMES } from './context.ts'
import { listAll } from './expect.ts'
import { allExternal } from './external.ts'

const ROUNDS = 1_000
const LIMIT = 200

/**
 * Takes away all that a case made, the way a store does, and says what would not go:
 * after the last reference no placement, byte or reservation may be left.
 */
export async function purge(
  catalog: Catalog,
  advance: (ms: number) => Promise<void>,
): Promise<readonly string[]> {
  const faults: string[] = []
  for (const { id } of VOLUMES) await catalog.forgetExternal(id, await allExternal(catalog, id))
  for (const namespace of NAMESPACES) {
    for (const record of await listAll(catalog, namespace)) await catalog.delete(namespace, record.id)
    for (const session of await catalog.listSessions(namespace)) await catalog.endSession(session)
    const { records } = await catalog.list(namespace, { limit: 1 })
    if (records.length > 0) faults.push(`records in ${namespace}`)
    if ((await catalog.listSessions(namespace)).length > 0) faults.push(`sessions in ${namespace}`)
  }
  await collectAll(catalog, advance)
  // What is kept of uploads to be told of, too.
  for (let left = LIMIT; left === LIMIT; ) left = (await catalog.expireSessions({ limit: LIMIT })).length
  for (const { volumeId, storedBytes, objects, reservedBytes } of await catalog.volumeUsage()) {
    if (storedBytes === 0 && objects === 0 && reservedBytes === 0) continue
    faults.push(`on ${volumeId}: ${objects} objects, ${storedBytes} bytes stored, ${reservedBytes} reserved`)
  }
  return faults
}

/** Garbage collection without grace until nothing is left to collect. @returns what was dropped. */
export async function collectAll(
  catalog: Catalog,
  advance: (ms: number) => Promise<void>,
): Promise<readonly PlacementRecord[]> {
  const dropped: PlacementRecord[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { condemned, more } = await catalog.condemn({ limit: LIMIT })
    await advance(2)
    const claimed = await catalog.claimGarbage({ graceMs: 0, limit: LIMIT })
    await catalog.dropPlacements(claimed.map((placement) => placement.id))
    dropped.push(...claimed)
    if (condemned === 0 && !more && claimed.length === 0) return dropped
  }
  throw new Error('garbage collection does not end')
}
