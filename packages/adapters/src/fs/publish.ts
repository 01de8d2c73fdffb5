import { MediaError, type ObjectHead, type PutObjectOptions, type WriteCondition } from '@mediakeep/core'
import { CREATE_FLAGS, FILE_MODE, type FileStat } from './calls.ts'
import { errnoOf } from './errors.ts'
import { etagOf, headOf } from './heads.ts'
import { withLockFile } from './lock-file.ts'
import type { Place } from './names.ts'
import { generationOf, hasSidecar, sidecarPath } from './sidecar.ts'
import { type TempFile, tempFileOf } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

export interface PublishOptions {
  readonly place: Place
  readonly options: PutObjectOptions
  /** Content of the sidecar, when the object needs one. */
  readonly sidecar: Buffer | undefined
  readonly signal: AbortSignal
  /** The written file keeps its name beside that of the object. Only for keys that are used once. */
  readonly keepsFile?: boolean
}

let lastGeneration = 0

/** Microseconds, never the same twice in this process. */
function nextGeneration(nowMs: number): number {
  lastGeneration = Math.max(lastGeneration + 1, Math.round(nowMs * 1000))
  return lastGeneration
}

/**
 * Makes a written file the object, in the order that store.ts explains. Until the rename or link nothing is visible and
 * everything can be dropped; after it the put has happened, and an abort comes too late.
 */
export async function publish(volume: Volume, file: TempFile, request: PublishOptions): Promise<ObjectHead> {
  const { fs, durability } = volume
  const { place, sidecar, signal } = request
  // A key used once needs no time of its own: nothing is replaced under it, so nothing can be mistaken for it.
  if (!place.once || sidecar !== undefined)
    await fs.futimes(file.fd, nextGeneration(volume.clock.now()) / 1e6)
  const side = sidecar === undefined ? undefined : await writeSidecar(volume, file, place, sidecar)
  try {
    signal.throwIfAborted()
    if (durability !== 'none') await (sidecar === undefined ? fs.fdatasync(file.fd) : fs.fsync(file.fd))
    const stat = fs.fstat(file.fd)
    const head = headOf(place.key, stat, request.options)
    signal.throwIfAborted()
    const closing = durability === 'none' ? file.close() : file.closeSynced()
    closing.catch(() => {}) // awaited below; a failed rename must not leave it unheard
    const replaced = await exchange(volume, file, request)
    file.published()
    side?.published()
    await closing
    if (mustSyncNames(volume, replaced)) await syncPublished(volume, place, stat, replaced)
    await removeReplacedSidecar(volume, place, stat, replaced)
    return head
  } catch (error) {
    await side?.drop()
    throw error
  }
}

/** The sidecar and its name reach the disk before the object's name can: never an object without what belongs to it. */
async function writeSidecar(
  volume: Volume,
  file: TempFile,
  place: Place,
  content: Buffer,
): Promise<TempFile> {
  const { fs, paths, durability } = volume
  let created: TempFile | undefined
  while (created === undefined) {
    const path = sidecarPath(paths.object(place), generationOf(fs.fstat(file.fd)))
    try {
      created = tempFileOf(fs, path, await fs.open(path, CREATE_FLAGS, FILE_MODE))
    } catch (error) {
      // Another process took the same microsecond.
      if (errnoOf(error) !== 'EEXIST') throw error
      await fs.futimes(file.fd, nextGeneration(volume.clock.now()) / 1e6)
    }
  }
  try {
    await fs.write(created.fd, content, 0)
    if (durability !== 'none') await fs.fdatasync(created.fd)
    await created.close()
    if (durability !== 'none') await volume.syncDirectory(paths.shard(place.shard))
    return created
  } catch (error) {
    await created.drop()
    throw error
  }
}

/** A sidecar that goes must not go before the object it belongs to: at `file` too, where nothing else waits for names. */
export function mustSyncNames({ durability }: Volume, goes: FileStat | undefined): boolean {
  return durability === 'durable' || (durability === 'file' && goes !== undefined && hasSidecar(goes))
}

/** Publishes; answers what was replaced, where that was looked at. */
function exchange(volume: Volume, file: TempFile, request: PublishOptions): Promise<FileStat | undefined> {
  const { place, options, signal } = request
  const path = volume.paths.object(place)
  const { when } = options
  if (request.keepsFile === true) return volume.fs.link(file.path, path).then(() => undefined)
  if (place.once && when?.type !== 'match') return exchangeNow(volume, file, path, when, false)
  return volume.locks.run(path, () => {
    signal.throwIfAborted()
    if (when?.type !== 'match') return exchangeNow(volume, file, path, when, true)
    return withLockFile(volume, path, signal, () => exchangeNow(volume, file, path, when, true))
  })
}

async function exchangeNow(
  { fs, descriptors }: Volume,
  file: TempFile,
  path: string,
  when: WriteCondition | undefined,
  look: boolean,
): Promise<FileStat | undefined> {
  if (when?.type === 'absent') {
    try {
      await fs.link(file.path, path)
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? preconditionFailed(when) : error
    }
    await fs.unlink(file.path).catch(() => {}) // a second name of the object, which the next sweep removes
    return undefined
  }
  const replaced = look ? await lstatIfThere(fs, path) : undefined
  if (when !== undefined && (replaced === undefined || etagOf(replaced) !== when.etag))
    throw preconditionFailed(when)
  await fs.rename(file.path, path)
  descriptors.forget(path)
  return replaced
}

/** When the name may be lost, the put has failed: where nothing was before it is taken back; what replaced something stays. */
async function syncPublished(
  volume: Volume,
  place: Place,
  stat: FileStat,
  replaced: FileStat | undefined,
): Promise<void> {
  const { fs, paths, syncDirectory, descriptors, locks } = volume
  try {
    await syncDirectory(paths.shard(place.shard))
  } catch (error) {
    const path = paths.object(place)
    await locks.run(path, async () => {
      const now = await lstatIfThere(fs, path).catch(() => undefined)
      // Somebody else's by now: then theirs is to stay.
      if (replaced !== undefined || now?.ino !== stat.ino) return
      descriptors.forget(path)
      await Promise.allSettled([
        fs.unlink(path),
        hasSidecar(stat) ? fs.unlink(sidecarPath(path, generationOf(stat))) : undefined,
      ])
    })
    throw error
  }
}

/** Only after the new name is on disk: should the rename be lost, the old bytes still have what belongs to them. */
async function removeReplacedSidecar(
  { fs, paths }: Volume,
  place: Place,
  stat: FileStat,
  replaced: FileStat | undefined,
): Promise<void> {
  if (replaced === undefined || !hasSidecar(replaced)) return
  const path = sidecarPath(paths.object(place), generationOf(replaced))
  if (path !== sidecarPath(paths.object(place), generationOf(stat))) await fs.unlink(path).catch(() => {}) // found by a sweep
}

export async function lstatIfThere(fs: Volume['fs'], path: string): Promise<FileStat | undefined> {
  try {
    return await fs.lstat(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export function preconditionFailed(when: WriteCondition): MediaError {
  const words =
    when.type === 'absent'
      ? 'something is stored under the key already'
      : `what is stored there has not the etag ${when.etag}`
  return new MediaError('MEDIA_PRECONDITION', words)
}
