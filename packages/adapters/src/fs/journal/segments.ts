import { uptime } from 'node:os'
import { newId } from '@mediakeep/core'
import { READ_FLAGS } from '../calls.ts'
import { syncDirectory } from '../dir-sync.ts'
import { errnoOf } from '../errors.ts'
import { lstatIfThere } from '../publish.ts'
import { TEMP_PREFIX } from '../temp-files.ts'
import { offline, readMarker } from '../volume.ts'
import type { Volume } from '../volume-state.ts'

/**
 * Files of `journal/`: `<uuid>.log`, which one process appends to, and `<uuid>.snapshot`, which took the place of others.
 * A `.log` that nobody may write any more is ended; one whose owner may execute it lost lines.
 */
const LOG = '.log'
const SNAPSHOT = '.snapshot'
const WRITABLE = 0o222
const LOST_LINES = 0o100

export const newLogName = (nowMs: number): string => `${newId(nowMs)}${LOG}`
export const newSnapshotName = (nowMs: number): string => `${newId(nowMs)}${SNAPSHOT}`
export const isSnapshot = (name: string): boolean => name.endsWith(SNAPSHOT)
const isTemporary = (name: string): boolean => name.startsWith(TEMP_PREFIX)

/** The names of all segments; none where no line was ever appended. @throws MediaError MEDIA_UNAVAILABLE `volume-offline` */
export async function listSegments(volume: Volume): Promise<readonly string[]> {
  return (await namesIn(volume)).filter((name) => name.endsWith(LOG) || isSnapshot(name)).sort()
}

async function namesIn(volume: Volume): Promise<readonly string[]> {
  const { fs, paths } = volume
  try {
    return await fs.readdir(paths.journal)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await checkMarker(volume)
    return []
  }
}

/** An unmounted disk shows an empty folder: nothing may be made in it, and nothing of it is called absent. */
export async function checkMarker({ fs, paths, storeName }: Volume): Promise<void> {
  if ((await readMarker(fs, storeName, paths)) === undefined)
    throw offline(storeName, paths, 'its marker is missing: its disk may not be mounted')
}

export async function makeJournalFolder(volume: Volume): Promise<void> {
  const { fs, paths } = volume
  if ((await lstatIfThere(fs, paths.journal))?.isDirectory() !== true) {
    await checkMarker(volume)
    try {
      await fs.mkdir(paths.journal)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }
  // Also where it was there: whoever made it may have died before its sync.
  if (volume.durability !== 'none') await syncDirectory(fs, paths.root)
}

/** Whether the owner of an open segment may go on with it. */
export function isEnded({ fs }: Volume, fd: number): boolean {
  const { mode, nlink } = fs.fstat(fd)
  return (mode & WRITABLE) === 0 || nlink === 0
}

/**
 * From here on its owner writes what it has not acknowledged yet elsewhere: it looks at the mode after each write.
 * @returns false when it is gone.
 */
export async function endSegment({ fs, paths }: Volume, name: string): Promise<boolean> {
  if (isSnapshot(name)) return true
  let fd: number
  try {
    fd = await fs.open(`${paths.journal}/${name}`, READ_FLAGS)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
  try {
    const { mode } = fs.fstat(fd)
    if ((mode & WRITABLE) !== 0) await fs.fchmod(fd, mode & 0o777 & ~WRITABLE)
    return true
  } finally {
    await fs.close(fd)
  }
}

/** Takes no room, so it works on a full disk. */
export async function markLostLines({ fs }: Volume, fd: number): Promise<void> {
  try {
    await fs.fchmod(fd, (fs.fstat(fd).mode & 0o777) | LOST_LINES)
  } catch {
    // Told by the failure that led here; whoever appends knows of it.
  }
}

export async function sizeOfSegments(volume: Volume): Promise<number> {
  let sizeBytes = 0
  for (const name of await listSegments(volume))
    sizeBytes += (await lstatIfThere(volume.fs, `${volume.paths.journal}/${name}`))?.size ?? 0
  return sizeBytes
}

/**
 * Lines are lost where the mark says so, and may be where the machine has started since a segment was last written: the last
 * second of one was not synced when the power went.
 */
export async function isJournalBehind(volume: Volume): Promise<boolean> {
  const startedAtMs = Date.now() - uptime() * 1000
  const names = await listSegments(volume)
  if (!names.some(isSnapshot)) return true
  for (const name of names) {
    if (isSnapshot(name)) continue
    const stat = await lstatIfThere(volume.fs, `${volume.paths.journal}/${name}`)
    if (stat === undefined) continue
    if ((stat.mode & LOST_LINES) !== 0 || stat.mtimeMs < startedAtMs) return true
  }
  return false
}

/** What compactions that did not end left, once nobody can be at it any more. */
export async function removeLeftOvers(volume: Volume, oldestMs: number): Promise<void> {
  const { fs, paths } = volume
  for (const name of (await namesIn(volume)).filter(isTemporary)) {
    const stat = await lstatIfThere(fs, `${paths.journal}/${name}`)
    if (stat !== undefined && Math.max(stat.mtimeMs, stat.ctimeMs) <= oldestMs)
      await removeSegment(volume, name)
  }
}

export async function removeSegment({ fs, paths }: Volume, name: string): Promise<void> {
  try {
    await fs.unlink(`${paths.journal}/${name}`)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}
