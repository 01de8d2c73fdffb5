import { constants } from 'node:fs'
import { errnoOf } from './errors.ts'

/** The facts of a file that this store reads. */
export interface FileStat {
  readonly dev: number
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly size: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  isFile(): boolean
  isDirectory(): boolean
}

/** The same as a replacement of `node:fs` may type it. Its numbers are numbers all the same, unless bigints are asked for. */
type StatLike = {
  readonly [Fact in keyof FileStat]: FileStat[Fact] extends number ? number | bigint : FileStat[Fact]
}

interface StatfsLike {
  readonly type: number | bigint
  readonly bsize: number | bigint
  readonly blocks: number | bigint
  readonly bavail: number | bigint
}

/** Optional throughout, because replacements of `node:fs` leave out what is not there. */
type Done = (error?: Error | null) => void
type DoneWith<T> = (error?: Error | null, value?: T) => void

/**
 * The part of `node:fs` that this store uses: every effect goes through it, so that tests can watch, fail or replace each call.
 * `node:fs` and the `fs` of memfs both fit. Callbacks and numeric descriptors, because a FileHandle costs twice as much.
 */
export interface FsCalls {
  open(path: string, flags: number, mode: number, done: DoneWith<number>): void
  openSync(path: string, flags: number): number
  close(fd: number, done: Done): void
  closeSync(fd: number): void
  read(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DoneWith<number>,
  ): void
  /** Absent in some replacements: then nothing is read without waiting. */
  readSync?(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number
  write(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DoneWith<number>,
  ): void
  writev(fd: number, buffers: Uint8Array[], position: number, done: DoneWith<number>): void
  fsync(fd: number, done: Done): void
  fdatasync(fd: number, done: Done): void
  ftruncate(fd: number, sizeBytes: number, done: Done): void
  futimes(fd: number, atime: number, mtime: number, done: Done): void
  fchmod(fd: number, mode: number, done: Done): void
  fstatSync(fd: number): StatLike
  lstat(path: string, done: DoneWith<StatLike>): void
  rename(from: string, to: string, done: Done): void
  link(from: string, to: string, done: Done): void
  unlink(path: string, done: Done): void
  mkdir(path: string, mode: number, done: Done): void
  readdir(path: string, done: DoneWith<readonly unknown[]>): void
  copyFile(from: string, to: string, mode: number, done: Done): void
  /** Absent in some replacements: then the kind of the file system and its room are unknown. */
  statfs?(path: string, done: DoneWith<StatfsLike>): void
}

/** Modes of what we make: the group may read, so that a web server can be given the files. */
export const FILE_MODE = 0o640
export const DIRECTORY_MODE = 0o750
/** On an object file: its content type or metadata are in a sidecar. It travels with the file, and rename publishes both at once. */
export const SIDECAR_BIT = 0o100

/** O_NOFOLLOW: a planted link is refused, not followed. O_NONBLOCK: a planted pipe is refused, not waited for. */
export const READ_FLAGS: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
export const CREATE_FLAGS: number =
  constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
export const DIRECTORY_FLAGS: number = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** Most buffers of one writev: Linux and macOS take no more. */
const MAX_WRITEV = 1024

/** Told of every write that the file system took, so that after a failure it is known how far it came. */
export type OnWritten = (bytes: number) => void

/** The same calls as promises, each one closure: what this store awaits. */
export interface FsPromises {
  readonly raw: FsCalls
  open(path: string, flags: number, mode?: number): Promise<number>
  close(fd: number): Promise<void>
  /** Of a file that was only read, or whose bytes were synced: it waits for no disk, and a thread would cost more than the call. */
  closeSynced(fd: number): Promise<void>
  /** Fills `buffer` from `position`; fewer bytes only at the end of the file. */
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>
  /** Writes all of it: a short write is continued, so that a full disk is an error and never a short file. */
  write(fd: number, bytes: Uint8Array, position: number, onWritten?: OnWritten): Promise<void>
  writeAll(fd: number, chunks: readonly Uint8Array[], position: number, onWritten?: OnWritten): Promise<void>
  fsync(fd: number): Promise<void>
  fdatasync(fd: number): Promise<void>
  ftruncate(fd: number, sizeBytes: number): Promise<void>
  futimes(fd: number, seconds: number): Promise<void>
  fchmod(fd: number, mode: number): Promise<void>
  /** Synchronous: of an open file it waits for no disk. */
  fstat(fd: number): FileStat
  lstat(path: string): Promise<FileStat>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  copyFile(from: string, to: string, mode: number): Promise<void>
}

/**
 * @param onTooManyFiles what can be closed when descriptors run out; the open is tried once more after it
 * @param options.isNetwork a server may have to be asked, and may be gone: no file is closed on the event loop's thread
 */
export function createFsPromises(
  raw: FsCalls,
  onTooManyFiles: () => Promise<void> = () => Promise.resolve(),
  { isNetwork = false }: { readonly isNetwork?: boolean } = {},
): FsPromises {
  const call = (start: (done: Done) => void): Promise<void> =>
    new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())))
  const ask = <T>(start: (done: DoneWith<T>) => void): Promise<T> =>
    new Promise((resolve, reject) =>
      start((error, value) => {
        if (error) reject(error)
        else if (value === undefined)
          reject(new Error('the file system answered neither a value nor an error'))
        else resolve(value)
      }),
    )

  const close = (fd: number): Promise<void> => call((done) => raw.close(fd, done))

  async function write(
    fd: number,
    bytes: Uint8Array,
    position: number,
    onWritten: OnWritten = ignore,
  ): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const from = at
      const written = await ask<number>((done) =>
        raw.write(fd, bytes, from, bytes.byteLength - from, position + from, done),
      )
      onWritten(written)
      at += written
    }
  }

  async function writeAll(
    fd: number,
    chunks: readonly Uint8Array[],
    position: number,
    onWritten: OnWritten = ignore,
  ): Promise<void> {
    let at = position
    for (let first = 0; first < chunks.length; first += MAX_WRITEV) {
      const batch = chunks.slice(first, first + MAX_WRITEV)
      let written = await ask<number>((done) => raw.writev(fd, batch, at, done))
      onWritten(written)
      for (const chunk of batch) {
        const missing = chunk.byteLength - written
        const from = Math.max(written, 0)
        if (missing > 0) await write(fd, chunk.subarray(from), at + from, onWritten)
        at += chunk.byteLength
        written -= chunk.byteLength
      }
    }
  }

  async function read(fd: number, buffer: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < buffer.byteLength) {
      const at = filled
      const got = await ask<number>((done) =>
        raw.read(fd, buffer, at, buffer.byteLength - at, position + at, done),
      )
      if (got === 0) break
      filled += got
    }
    return filled
  }

  async function open(path: string, flags: number, mode: number = FILE_MODE): Promise<number> {
    const once = (): Promise<number> => ask((done) => raw.open(path, flags, mode, done))
    try {
      return await once()
    } catch (error) {
      const errno = errnoOf(error)
      if (errno !== 'EMFILE' && errno !== 'ENFILE') throw error
    }
    await onTooManyFiles()
    return once()
  }

  return {
    raw,
    open,
    close,
    closeSynced: isNetwork ? close : async (fd) => raw.closeSync(fd),
    read,
    write,
    writeAll,
    fsync: (fd) => call((done) => raw.fsync(fd, done)),
    fdatasync: (fd) => call((done) => raw.fdatasync(fd, done)),
    ftruncate: (fd, sizeBytes) => call((done) => raw.ftruncate(fd, sizeBytes, done)),
    futimes: (fd, seconds) => call((done) => raw.futimes(fd, seconds, seconds, done)),
    fchmod: (fd, mode) => call((done) => raw.fchmod(fd, mode, done)),
    fstat: (fd) => asFileStat(raw.fstatSync(fd)),
    lstat: async (path) => asFileStat(await ask<StatLike>((done) => raw.lstat(path, done))),
    rename: (from, to) => call((done) => raw.rename(from, to, done)),
    link: (from, to) => call((done) => raw.link(from, to, done)),
    unlink: (path) => call((done) => raw.unlink(path, done)),
    mkdir: (path) => call((done) => raw.mkdir(path, DIRECTORY_MODE, done)),
    readdir: async (path) => (await ask<readonly unknown[]>((done) => raw.readdir(path, done))).map(String),
    copyFile: (from, to, mode) => call((done) => raw.copyFile(from, to, mode, done)),
  }
}

function ignore(): void {}

function asFileStat(stat: StatLike): FileStat {
  if (isFileStat(stat)) return stat
  throw new TypeError('the file system gives bigints without being asked for them')
}

function isFileStat(stat: StatLike): stat is FileStat {
  return typeof stat.ino === 'number' && typeof stat.size === 'number' && typeof stat.mtimeMs === 'number'
}
