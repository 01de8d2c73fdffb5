import { randomBytes } from 'node:crypto'
import { CREATE_FLAGS, FILE_MODE, type FsPromises } from './calls.ts'

/** Names of temporary files begin with it; no object's name does. */
export const TEMP_PREFIX = '~'

/** Names that no other session on this volume uses, without asking the disk. */
export interface TempNames {
  next(): string
  /** The file was made by this session, and may be in use. */
  isOwn(fileName: string): boolean
  /** It could not be removed: it is nobody's from now on, so that a sweep finds it while this session lives. */
  abandon(fileName: string): void
}

export function createTempNames(): TempNames {
  const session = randomBytes(8).toString('hex')
  const abandoned = new Set<string>()
  let count = 0
  return {
    next: () => `${TEMP_PREFIX}${session}-${(count++).toString(36)}`,
    isOwn: (fileName) => fileName.includes(`${TEMP_PREFIX}${session}-`) && !abandoned.has(fileName),
    abandon(fileName) {
      abandoned.add(fileName)
    },
  }
}

/** A file that is not yet an object. Exactly one of `published` and `drop` ends it. */
export interface TempFile {
  readonly path: string
  readonly fd: number
  /** Closes the descriptor; idempotent. */
  close(): Promise<void>
  /** The same where nothing waits to be written. */
  closeSynced(): Promise<void>
  /** Closes and removes it; never throws: what fails here is found by the next sweep. */
  drop(): Promise<void>
  /** The name is gone or belongs to an object now: `drop` only closes from here on. */
  published(): void
}

/** Exclusively made: an existing file or a planted link of that name is refused. */
export async function createTempFile(
  fs: FsPromises,
  directory: string,
  names: TempNames,
  mode: number = FILE_MODE,
): Promise<TempFile> {
  const name = names.next()
  const path = `${directory}/${name}`
  return tempFileOf(fs, path, await fs.open(path, CREATE_FLAGS, mode), () => names.abandon(name))
}

/** @param onLeft called when it could not be removed */
export function tempFileOf(
  fs: FsPromises,
  path: string,
  fd: number,
  onLeft: () => void = () => {},
): TempFile {
  let closing: Promise<void> | undefined
  let isNamed = true
  const closeBy = (end: (fd: number) => Promise<void>): Promise<void> => {
    closing ??= end(fd)
    return closing
  }
  const close = (): Promise<void> => closeBy(fs.close)
  return {
    path,
    fd,
    close,
    closeSynced: () => closeBy(fs.closeSynced),
    async drop() {
      await Promise.allSettled([close(), isNamed ? fs.unlink(path).catch(onLeft) : undefined])
      isNamed = false
    },
    published() {
      isNamed = false
    },
  }
}
