import { DIRECTORY_FLAGS, type FsPromises } from './calls.ts'
import { errnoOf } from './errors.ts'

interface Round {
  readonly running: Promise<void>
  next: Promise<void> | undefined
}

/** Makes the names in a directory survive power loss; callers that wait for the same directory share a sync. */
export type DirectorySync = (path: string) => Promise<void>

/**
 * A sync that started before the caller's rename may have missed it, so a caller joins the next one, never the running one.
 * After a failure the descriptor is gone for good: a second fsync of it would answer "done" for bytes that are lost.
 */
export function createDirectorySync(fs: FsPromises): DirectorySync {
  const rounds = new Map<string, Round>()

  function start(path: string): Promise<void> {
    const running = syncDirectory(fs, path)
    const round: Round = { running, next: undefined }
    rounds.set(path, round)
    const forget = (): void => {
      if (rounds.get(path) === round) rounds.delete(path)
    }
    running.then(forget, forget)
    return running
  }

  return (path) => {
    const round = rounds.get(path)
    if (round === undefined) return start(path)
    round.next ??= round.running.then(
      () => start(path),
      () => start(path),
    )
    return round.next
  }
}

/** Opening and closing a directory that was used a moment ago waits for no disk; only the sync does. */
export async function syncDirectory(fs: FsPromises, path: string): Promise<void> {
  const fd = await openDirectory(fs, path)
  try {
    await fs.fsync(fd)
  } finally {
    fs.raw.closeSync(fd)
  }
}

function openDirectory(fs: FsPromises, path: string): number | Promise<number> {
  try {
    return fs.raw.openSync(path, DIRECTORY_FLAGS)
  } catch (error) {
    if (errnoOf(error) === 'EMFILE' || errnoOf(error) === 'ENFILE') return fs.open(path, DIRECTORY_FLAGS)
    throw error
  }
}
