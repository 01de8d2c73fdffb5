import { errnoOf } from './errors.ts'
import { SHARDS } from './names.ts'
import { lstatIfThere } from './publish.ts'
import { generationOf, sidecarPath } from './sidecar.ts'
import { stagedNameOf } from './staged-names.ts'
import { TEMP_PREFIX } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

export interface SweepOptions {
  /** Whether the session of this name still lives. */
  keep(name: string): boolean | Promise<boolean>
  /** Nothing that was written to after this instant is touched. */
  readonly oldestMs: number
  /** Bodies and parts that this process writes are removed through their writer, so that it ends and its room is given back. */
  isOurs(path: string): boolean
  drop(path: string): Promise<void>
}

/**
 * Removes what dead sessions left: staged bodies and parts, temporary files of puts, and sidecars that belong to no object.
 * Old enough is part of every rule, because a file of a living process may look like one of a dead one for a moment.
 */
export async function sweepVolume(volume: Volume, options: SweepOptions): Promise<number> {
  const { fs, paths } = volume
  let removed = 0
  for (const fileName of await fs.readdir(paths.staging)) {
    const path = `${paths.staging}/${fileName}`
    const name = stagedNameOf(fileName)
    if (name !== undefined && (await options.keep(name))) continue
    if (!(await isOld(volume, path, options.oldestMs))) continue
    if (options.isOurs(path)) await options.drop(path)
    else await removeIfThere(volume, path)
    removed += 1
  }
  for (const shard of SHARDS) {
    const directory = paths.shard(shard)
    const names = await fs.readdir(directory)
    const present = new Set(names)
    for (const fileName of names) {
      if (volume.names.isOwn(fileName) || !(await isLeftOver(volume, shard, fileName, present))) continue
      const path = `${directory}/${fileName}`
      if (!(await isOld(volume, path, options.oldestMs))) continue
      await removeIfThere(volume, path)
      removed += 1
    }
  }
  return removed
}

/** A temporary file; a sidecar whose object is gone; one beside an object that has its own and names another. */
async function isLeftOver(
  { fs, paths }: Volume,
  shard: string,
  fileName: string,
  present: ReadonlySet<string>,
): Promise<boolean> {
  const at = fileName.indexOf(TEMP_PREFIX)
  if (at <= 0) return at === 0
  const objectName = fileName.slice(0, at)
  if (!present.has(objectName)) return true
  const stat = await lstatIfThere(fs, `${paths.shard(shard)}/${objectName}`)
  // Without its own sidecar the object may be a copy that lost its time: then this one may be what belongs to it.
  const own = stat === undefined ? undefined : sidecarPath(objectName, generationOf(stat))
  return own !== undefined && own !== fileName && present.has(own)
}

async function isOld({ fs }: Volume, path: string, oldestMs: number): Promise<boolean> {
  try {
    // ctime too: a file that was given an old time a moment ago is not old.
    const stat = await fs.lstat(path)
    return !stat.isDirectory() && Math.max(stat.mtimeMs, stat.ctimeMs) <= oldestMs
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

async function removeIfThere({ fs }: Volume, path: string): Promise<void> {
  try {
    await fs.unlink(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}
