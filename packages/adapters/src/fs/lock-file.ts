import { createHash } from 'node:crypto'
import { MediaError } from '@mediakeep/core'
import { CREATE_FLAGS } from './calls.ts'
import { errnoOf } from './errors.ts'
import type { Volume } from './volume-state.ts'

/** A lock is held for one lstat and one rename; one this old belongs to a process that died. */
const STALE_LOCK_MS = 10_000
const RETRY_MS = 5
const MAX_WAIT_MS = 15_000

/**
 * One at a time per object among all processes that take this lock: those that put with `match`.
 * A file that only one can make; left behind by a crash, it is taken over after ten seconds.
 * @throws MediaError MEDIA_BUSY when it is not free in time.
 */
export async function withLockFile<T>(
  volume: Volume,
  objectPath: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { fs, paths, clock } = volume
  const path = `${paths.staging}/~lock-${createHash('sha256').update(objectPath.slice(paths.root.length)).digest('hex')}`
  const startMs = clock.now()
  let fd: number | undefined
  while (fd === undefined) {
    signal.throwIfAborted()
    try {
      fd = await fs.open(path, CREATE_FLAGS)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      if (await removeStale(volume, path)) continue
      if (clock.now() - startMs > MAX_WAIT_MS)
        throw new MediaError('MEDIA_BUSY', 'another process is writing the same object', { reason: 'locked' })
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve))
    }
  }
  try {
    return await work()
  } finally {
    await Promise.allSettled([fs.close(fd), fs.unlink(path)])
  }
}

async function removeStale({ fs, clock }: Volume, path: string): Promise<boolean> {
  try {
    if (clock.now() - (await fs.lstat(path)).mtimeMs < STALE_LOCK_MS) return false
    await fs.unlink(path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true
    throw error
  }
}
