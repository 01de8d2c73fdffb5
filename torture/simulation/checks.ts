import { digestHex } from '@mediakeep/core'
import { ROOT } from './image.ts'
import type { Run } from './operations.ts'
import type { Machine } from './world.ts'

/** Nothing is half done: no session, no reservation, no placement on its way in or out. */
export function checkCatalog({ world }: Run): void {
  const { sessions, volumes, placements } = world.tables
  if (sessions.size > 0) world.broken(`${sessions.size} sessions are left`)
  for (const [id, { reservedBytes }] of volumes)
    if (reservedBytes !== 0) world.broken(`${reservedBytes} bytes are reserved on ${id}`)
  for (const { key, state, blob } of placements.values()) {
    if (state !== 'live') world.broken(`the placement ${key} is ${state} after two collections`)
    if (blob.contents.size === 0) world.broken(`${key} is kept, and nothing refers to it`)
  }
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

/** The objects on a disk are exactly the catalog's placements there. `isSwept`: and nothing else is left. */
export function checkDisk(run: Run, machine: Machine, isSwept: boolean): void {
  const { world } = run
  const { disk, index } = machine
  checkObjects(run, machine)
  const marker = disk.node(`${ROOT}/mediakeep-volume.json`, 'check')
  const text = marker.kind === 'file' ? Buffer.from(marker.bytes).toString() : '{}'
  const { id } = JSON.parse(text) as { readonly id?: string }
  const here = [...world.tables.placements.values()].filter(({ volumeId }) => volumeId === id)
  const wanted = new Set(here.map(({ key }) => key))
  for (const shard of disk.directory(`${ROOT}/objects`)?.entries.keys() ?? []) {
    for (const file of disk.directory(`${ROOT}/objects/${shard}`)?.entries.keys() ?? []) {
      if (!isSwept && file.startsWith('~')) continue
      if (!wanted.delete(`${shard}/${file}`))
        world.broken(`disk ${index} has ${shard}/${file}, and no row names it`)
    }
  }
  for (const key of wanted) world.broken(`the catalog names ${key}, and disk ${index} has no such object`)
  if (!isSwept) return
  for (const file of disk.directory(`${ROOT}/staging`)?.entries.keys() ?? [])
    world.broken(`disk ${index} has staging/${file} left`)
}
