import {
  checkPosition,
  type MediaError,
  type PartialPart,
  type PartialWriter,
  partEnded,
} from '@mediakeep/core'
import { createGatheredWrites } from './gathered-writes.ts'
import { lstatIfThere } from './publish.ts'
import type { Volume } from './volume-state.ts'

/** A part of a body, and the file it is. */
export interface Part extends PartialPart {
  readonly label: string
  readonly path: string
}

/** One call of the store: the volume is opened first, closing waits for it, and its errors are in words that callers know. */
export type RunCall = <T>(act: string, work: () => Promise<T>) => Promise<T>

export interface PartWriter extends PartialWriter {
  readonly path: string
  /** Takes no more, and writes nothing any more: the file is removed, or another's. */
  end(): void
}

export interface PartWriterOptions {
  readonly fd: number
  /** The file was made for this writer: nothing was ever promised of it. */
  readonly isMade: boolean
  readonly run: RunCall
  checkOnline(): Promise<void>
  /** Called once, when nothing is written any more. */
  onClose(): void
}

/** Writes to the file of a part and syncs it, in the order that `createPartials` tells. */
export function createPartWriter(
  { fs, paths, storeName, durability, syncDirectory }: Volume,
  part: Part,
  { fd, isMade, run, checkOnline, onClose }: PartWriterOptions,
): PartWriter {
  const { path, label } = part
  const bytes = createGatheredWrites(fs, fd)
  const underWay = new Set<Promise<void>>()
  let lastSync: Promise<void> = Promise.resolve()
  let isNamed = durability !== 'durable'
  let isPromised = !isMade
  /** Nothing was written since the last sync. */
  let isClean = true
  let isEnded = false
  let failure: { readonly error: unknown } | undefined
  let closing: Promise<void> | undefined

  const ended = (): MediaError => partEnded(storeName, part)
  const check = (): void => {
    if (failure !== undefined) throw failure.error
    if (isEnded) throw ended()
  }
  /** Closing the descriptor waits for it. */
  const act = (verb: string, work: () => Promise<void>): Promise<void> =>
    run(`${verb} ${label}`, async () => {
      check()
      if (closing !== undefined) throw ended()
      const working = work()
      underWay.add(working)
      try {
        await working
      } finally {
        underWay.delete(working)
      }
    })

  /** One after the other: of two syncs of one descriptor the kernel tells only one that bytes were lost. */
  const inTurn = (sync: () => Promise<void>): Promise<void> => {
    const mine = lastSync.then(sync)
    lastSync = mine.catch(() => {})
    return mine
  }
  const hasName = async (): Promise<boolean> => (await lstatIfThere(fs, path))?.ino === fs.fstat(fd).ino

  /** Also where another process took it away: bytes without a name are not durable. */
  async function checkName(): Promise<void> {
    if (await hasName()) return
    await checkOnline()
    throw ended()
  }

  async function syncNow(): Promise<void> {
    check()
    await bytes.flush()
    await syncFile()
  }

  async function syncFile(): Promise<void> {
    try {
      if (durability !== 'none') await fs.fdatasync(fd)
      await checkName()
      if (!isNamed) await syncDirectory(paths.staging)
      isNamed = true
      isPromised = true
      isClean = true
    } catch (error) {
      failure = { error }
      // Where this fails too the next sweep finds it.
      if (!isPromised && (await hasName().catch(() => false))) await fs.unlink(path).catch(() => {})
      throw error
    }
  }

  return {
    path,
    async write(chunk, position) {
      checkPosition(storeName, position)
      isClean = false
      await act('write', () => bytes.write(chunk, position))
    },
    sync: () => act('sync', () => inTurn(syncNow)),
    async salvage() {
      const endBytes = bytes.brokenAt()
      if (endBytes !== undefined) await act('sync', () => inTurn(syncFile))
      return endBytes
    },
    end() {
      isEnded = true
      void bytes.stop()
    },
    close() {
      closing ??= (async () => {
        await Promise.allSettled(underWay)
        if (!isEnded) await bytes.flush().catch(() => {}) // what matters was synced
        await bytes.stop()
        onClose()
        await (isClean ? fs.closeSynced(fd) : fs.close(fd)).catch(() => {}) // what matters was synced
      })()
      return closing
    },
  }
}
