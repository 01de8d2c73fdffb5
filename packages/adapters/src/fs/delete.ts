import { errnoOf } from './errors.ts'
import type { Place } from './names.ts'
import { lstatIfThere } from './publish.ts'
import { generationOf, hasSidecar, sidecarPath } from './sidecar.ts'
import type { Volume } from './volume-state.ts'

/** Removes the object, then its sidecar. An acknowledged delete is as durable as an acknowledged put. */
export async function deleteObject(volume: Volume, place: Place, check: () => void): Promise<boolean> {
  const { fs, paths, descriptors, durability } = volume
  const path = paths.object(place)
  return volume.locks.run(path, async () => {
    check()
    const stat = await lstatIfThere(fs, path)
    if (stat === undefined) return false
    check()
    try {
      await fs.unlink(path)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false // another process was first
      throw error
    } finally {
      descriptors.forget(path)
    }
    if (durability === 'durable') await volume.syncDirectory(paths.shard(place.shard))
    if (hasSidecar(stat)) await fs.unlink(sidecarPath(path, generationOf(stat))).catch(() => {}) // found by a sweep
    return true
  })
}
