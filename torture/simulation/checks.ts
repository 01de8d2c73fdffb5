import { digestHex } from '@mediakeep/core'
import { ROOT } from './image.ts'
import type { Run } from './operations.ts'
import type { Machine } from './world.ts'

/**
 * Nothing is half done: no session, no reservation, no placement on its way in or out. In quarantine is at most what a disk in
 * trouble could not read while a good copy was within reach: such bytes are kept, until a verification finds them right.
 */
export function checkCatalog({ world }: Run): void {
  const { sessions, volumes, placements } = world.tables
  if (sessions.size > 0) world.broken(`${sessions.size} sessions are left`)
  for (const [id, { reservedBytes }] of volumes)
    if (reservedBytes !== 0) world.broken(`${reservedBytes} bytes are reserved on ${id}`)
  const troubled = world.machines.filter(({ past }) => past.troubles > 0).map(volumeOn)
  for (const { key, state, blob, volumeId } of placements.values()) {
    const isSpared =
      state === 'bad' &&
      troubled.includes(volumeId) &&
      [...blob.placements].some((other) => other.state === 'live' && other.volumeId === volumeId)
    if (state !== 'live' && !isSpared) world.broken(`the placement ${key} is ${state} after two collections`)
    if (blob.contents.size === 0) world.broken(`${key} is kept, and nothing refers to it`)
  }
}

/** Nothing damages bytes here: once every copy was verified, each is served again. */
export function checkVerified({ world }: Run): void {
  for (const { key, state } of world.tables.placements.values())
    if (state !== 'live') world.broken(`the placement ${key} is ${state}, and its bytes were verified`)
}

/** Whatever a power cut left: under an object's name are the bytes of that digest, or nothing. */
export function checkObjects({ world, bodies }: Run, { disk, index }: Machine): void {
  for (const shard of disk.directory(`${ROOT}/objects`)?.entries.keys() ?? []) {
    for (const [file, node] of disk.directory(`${ROOT}/objects/${shard}`)?.entries ?? []) {
      if (file.includes('~')) continue
      const body = bodies.find(({ digest }) => file.startsWith(digestHex(digest)))
      if (body === undefined || node.kind !== 'file' || Buffer.compare(body.bytes, node.bytes) !== 0)
        world.broken(`disk ${index} has other bytes as ${shard}/${file}`)
    }
  }
}

/** The volume that a disk carries. */
function volumeOn({ disk }: Machine): string | undefined {
  const marker = disk.node(`${ROOT}/mediakeep-volume.json`, 'check')
  const text = marker.kind === 'file' ? Buffer.from(marker.bytes).toString() : '{}'
  return (JSON.parse(text) as { readonly id?: string }).id
}

/** Keys of objects on a disk that no row of the catalog names; every object that one names is there. */
function unnamedOn(run: Run, machine: Machine): readonly string[] {
  const { world } = run
  const { disk, index } = machine
  checkObjects(run, machine)
  const id = volumeOn(machine)
  const here = [...world.tables.placements.values()].filter(({ volumeId }) => volumeId === id)
  const wanted = new Set(here.map(({ key }) => key))
  const unnamed: string[] = []
  for (const shard of disk.directory(`${ROOT}/objects`)?.entries.keys() ?? [])
    for (const file of disk.directory(`${ROOT}/objects/${shard}`)?.entries.keys() ?? [])
      if (!wanted.delete(`${shard}/${file}`)) unnamed.push(`${shard}/${file}`)
  for (const key of wanted) world.broken(`the catalog names ${key}, and disk ${index} has no such object`)
  return unnamed
}

/** After collecting: the objects on a disk are exactly the catalog's placements there, and nothing else is left. */
export function checkDisk(run: Run, machine: Machine): void {
  const { disk, index } = machine
  for (const key of unnamedOn(run, machine)) run.world.broken(`disk ${index} has ${key}, and no row names it`)
  for (const file of disk.directory(`${ROOT}/staging`)?.entries.keys() ?? [])
    run.world.broken(`disk ${index} has staging/${file} left`)
}

/**
 * After a power cut: all that the catalog names is there, and nothing is back whose removal was acknowledged. What goes without a
 * sync, as temporary files do, may be back, and so may an object that was published after its row had been collected, by a host
 * that slept past its session, and unlinked by it, which died before it synced that: nobody was told that it is gone.
 * @returns whether anything is there that the next collection has to take
 */
export function checkAfterCut(run: Run, machine: Machine): boolean {
  const unnamed = unnamedOn(run, machine)
  for (const key of unnamed)
    if (machine.removals.isRemoved(key))
      run.world.broken(`disk ${machine.index} has ${key} again, and its removal was acknowledged`)
  return unnamed.length > 0
}
