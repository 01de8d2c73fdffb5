import { type Clock, MediaError } from '@mediakeep/core'
import { type FileStat, type FsPromises, READ_FLAGS } from './calls.ts'
import { errnoOf } from './errors.ts'
import { createReadNow, type ReadNow } from './read-now.ts'

/** An open object file, lent to readers. Everybody who got it gives it back once. */
export interface Descriptor {
  readonly path: string
  readonly fd: number
  readonly stat: FileStat
  /** Positional read; the descriptor stays open until it has ended. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Changes when the file changed: inode, length, times. */
  stamp(): string
  release(): void
}

/** Open files, kept open after use so that the next reader of the same object costs one fstat. */
export interface Descriptors {
  /** undefined when no file has this name. */
  acquire(path: string): Promise<Descriptor | undefined>
  /** Reads at once from a file that is open, and answers its stamp after that; undefined when `acquire` must look at it. */
  readNow(path: string, buffer: Uint8Array, position: number): string | undefined
  /** Forgets the file of a name that was deleted or replaced; whoever reads it now reads on. */
  forget(path: string): void
  /** Closes the files that nobody holds: what is kept only to be quick must not be why a call is turned away. */
  freeIdle(): Promise<void>
  /** Descriptors that somebody holds. */
  readonly heldCount: number
  /** Closes all; resolves when reads under way have ended and nothing is open. */
  close(): Promise<void>
}

interface Entry {
  readonly path: string
  readonly fd: number
  readonly stat: FileStat
  holders: number
  reading: number
  idleSinceMs: number
  stamp: string
  seen: FileStat
}

const IDLE_MS = 10_000

export function createDescriptors(
  fs: FsPromises,
  maxOpen: number,
  clock: Clock,
  readNow: ReadNow = createReadNow(fs.raw),
): Descriptors {
  /** In order of last use. */
  const entries = new Map<string, Entry>()
  const open = new Set<Entry>()
  let heldCount = 0
  let closed = false
  let cancelTimer: (() => void) | undefined
  let onDrained = (): void => {}
  const closing = new Set<Promise<void>>()

  function closeFile(entry: Entry): void {
    if (!open.delete(entry)) return
    const done = fs.close(entry.fd).catch(() => {}) // nothing was written through it: a failed close loses nothing
    closing.add(done)
    void done.then(() => closing.delete(done))
    if (closed && open.size === 0) onDrained()
  }

  function settle(entry: Entry): void {
    if (entry.reading > 0) return
    if (closed || (entry.holders === 0 && entries.get(entry.path) !== entry)) closeFile(entry)
  }

  function forgetEntry(entry: Entry): void {
    if (entries.get(entry.path) === entry) entries.delete(entry.path)
    settle(entry)
  }

  function trim(): void {
    for (const entry of entries.values()) {
      if (entries.size <= maxOpen) return
      if (entry.holders === 0) forgetEntry(entry)
    }
  }

  /** Files that another process deleted must not keep their room for long. */
  function armIdleTimer(): void {
    if (cancelTimer !== undefined || closed) return
    cancelTimer = clock.after(IDLE_MS, () => {
      cancelTimer = undefined
      const beforeMs = clock.now() - IDLE_MS
      let idle = 0
      for (const entry of [...entries.values()]) {
        if (entry.holders > 0) continue
        if (entry.idleSinceMs <= beforeMs) forgetEntry(entry)
        else idle += 1
      }
      if (idle > 0) armIdleTimer()
    })
  }

  function isUnchanged(entry: Entry): boolean {
    const now = fs.fstat(entry.fd)
    // Also a new name, a lost name and a change of mode show in ctime.
    return isSameFile(now, entry.stat) && now.ctimeMs === entry.stat.ctimeMs && now.nlink === entry.stat.nlink
  }

  /** The stamp of a file that is as it was when it was opened. */
  function stampAsOpened(entry: Entry): string {
    if (entry.seen !== entry.stat) {
      entry.seen = entry.stat
      entry.stamp = stampOf(entry.stat)
    }
    return entry.stamp
  }

  /** Moves it to the end of the order of use. */
  function touch(entry: Entry): void {
    entries.delete(entry.path)
    entries.set(entry.path, entry)
  }

  function lend(entry: Entry): Descriptor {
    entry.holders += 1
    heldCount += 1
    let released = false
    // Whoever lends has looked at the file this instant: the first stamp is what was seen then.
    let isJustSeen = true
    const checkOpen = (): void => {
      if (released || closed)
        throw new MediaError('MEDIA_CLOSED', 'the file is closed; open the object again')
    }
    return {
      path: entry.path,
      fd: entry.fd,
      stat: entry.stat,
      async read(buffer, position) {
        checkOpen()
        entry.reading += 1
        try {
          return await fs.read(entry.fd, buffer, position)
        } finally {
          entry.reading -= 1
          settle(entry)
        }
      },
      stamp() {
        checkOpen()
        if (isJustSeen) {
          isJustSeen = false
          return entry.stamp
        }
        const now = fs.fstat(entry.fd)
        // Numbers are compared before any text is made: this runs on every cached read.
        if (!isSameFile(now, entry.seen) || now.ctimeMs !== entry.seen.ctimeMs) {
          entry.seen = now
          entry.stamp = stampOf(now)
        }
        return entry.stamp
      },
      release() {
        if (released) return
        released = true
        entry.holders -= 1
        heldCount -= 1
        entry.idleSinceMs = clock.now()
        settle(entry)
        if (entry.holders > 0 || entries.get(entry.path) !== entry) return
        if (entries.size > maxOpen) trim()
        armIdleTimer()
      },
    }
  }

  async function openFile(path: string): Promise<number | undefined> {
    try {
      return await fs.open(path, READ_FLAGS)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  return {
    get heldCount() {
      return heldCount
    },
    async acquire(path) {
      const known = entries.get(path)
      if (known !== undefined) {
        if (isUnchanged(known)) {
          stampAsOpened(known)
          touch(known)
          return lend(known)
        }
        forgetEntry(known)
      }
      const fd = await openFile(path)
      if (fd === undefined) return undefined
      let stat: FileStat
      try {
        stat = fs.fstat(fd)
        if (!stat.isFile()) throw notAFile(path)
        if (closed) throw new MediaError('MEDIA_CLOSED', 'the store is closed')
      } catch (error) {
        await fs.close(fd).catch(() => {})
        throw error
      }
      const entry: Entry = {
        path,
        fd,
        stat,
        holders: 0,
        reading: 0,
        idleSinceMs: 0,
        stamp: stampOf(stat),
        seen: stat,
      }
      open.add(entry)
      const descriptor = lend(entry)
      const before = entries.get(path)
      if (maxOpen > 0) entries.set(path, entry)
      if (before !== undefined) settle(before)
      if (entries.size > maxOpen) trim()
      return descriptor
    },
    readNow(path, buffer, position) {
      const known = entries.get(path)
      if (known === undefined || closed || !readNow(known.fd, buffer, position)) return undefined
      try {
        // Looked at after the read: what was written, replaced or deleted before it shows.
        if (!isUnchanged(known)) return undefined
      } catch {
        return undefined // `acquire` looks again, and tells what is wrong
      }
      known.idleSinceMs = clock.now()
      touch(known)
      return stampAsOpened(known)
    },
    async freeIdle() {
      for (const entry of [...entries.values()]) if (entry.holders === 0) forgetEntry(entry)
      await Promise.all(closing)
    },
    forget(path) {
      const entry = entries.get(path)
      if (entry !== undefined) forgetEntry(entry)
    },
    async close() {
      closed = true
      cancelTimer?.()
      entries.clear()
      for (const entry of [...open]) settle(entry)
      // Reads under way close their file when they end.
      if (open.size > 0) await new Promise<void>((resolve) => (onDrained = resolve))
      await Promise.all(closing)
    },
  }
}

export function isSameFile(a: FileStat, b: FileStat): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.dev === b.dev
}

function stampOf(stat: FileStat): string {
  return `${stat.dev}-${stat.ino}-${stat.size}-${stat.mtimeMs}-${stat.ctimeMs}`
}

export function notAFile(path: string): MediaError {
  return new MediaError(
    'MEDIA_CORRUPT',
    `${path} is not a file; something that is not ours lies in the volume`,
    { reason: 'not-a-file' },
  )
}
