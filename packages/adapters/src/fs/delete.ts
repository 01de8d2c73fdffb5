import { errnoOf } from './errors.ts'
import type { Place } from './names.ts'
import { lstatIfThere, mustSyncNames } from './publish.ts'
import { generationOf, hasSidecar, sidecarPath } from './sidecar.ts'
import type { Volume } from './volume-state.ts'

/**
 * Removes the object, then its sidecar. An acknowledged delete is as durable as an acknowledged put, also of what is gone already:
 * whoever removed it may have died before its sync, and the caller forgets the object now.
 */
export async function deleteObject(volume: Volume, place: Place, check: () => void): Promise<boolean> {
  const { fs, paths } = volume
  const path = paths.object(place)
  return volume.locks.run(path, async () => {
    check()
    const stat = await lstatIfThere(fs, path)
    check()
    const removed = stat !== undefined && (await unlinkIfThere(volume, path))
    if (mustSyncNames(volume, stat)) await volume.syncDirectory(paths.shard(place.shard))
    if (stat !== undefined && hasSidecar(stat))
      await fs.unlink(sidecarPath(path, generationOf(stat))).catch(() => {}) // found by a sweep
    return removed
  })
}

async function unlinkIfThere({ fs, descriptors }: Volume, path: string): Promise<boolean> {
  try {
    await fs.unlink(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false // another process was first
    throw error
  } finally {
    descriptors.forget(path)
  }
}
