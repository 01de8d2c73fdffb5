import { constants } from 'node:fs'
import type { Readable } from 'node:stream'
import {
  type ByteRange,
  destroyOnAbort,
  MediaError,
  type PartialPart,
  type Partials,
  partEnded,
  partShort,
  type StagedBody,
} from '@mediakeep/core'
import { CREATE_FLAGS, type FileStat, READ_FLAGS } from './calls.ts'
import { notAFile } from './descriptors.ts'
import { errnoOf, fsError } from './errors.ts'
import { createFileStream } from './file-stream.ts'
import { createPartWriter, type Part, type PartWriter, type RunCall } from './part-writer.ts'
import { lstatIfThere } from './publish.ts'
import type { Reservations } from './reservations.ts'
import { partFileName } from './staged-names.ts'
import { offline } from './volume.ts'
import type { Volume } from './volume-state.ts'

export interface FsPartials extends Partials {
  /** Writers and readers that hold a descriptor. */
  readonly openCount: number
  isWritten(path: string): boolean
  /** Ends the writers of a file and removes it. */
  drop(path: string): Promise<void>
  /** A store took the file over: whoever writes to it now would change an object. */
  adopted(path: string): void
  /** Ends every writer and reader; what was written stays. */
  close(): Promise<void>
}

const WRITE_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Bodies in pieces, a file for each part: `<escaped name>~part-<number>` in the staging folder, which every volume has.
 *
 * The order is that of an object's file: the bytes, a sync of the file, the first time a sync of the folder, then the answer. After a
 * sync that failed nothing that was written since the last good one can be trusted, and a later sync of the same descriptor would
 * answer "done": so the writer takes no more. Whoever opens the part anew writes again from what it knows to be durable. A file that
 * this writer has made, and of which nothing was ever promised, goes with the first failed sync: its name could be lost as well.
 */
export function createPartials(
  volume: Volume,
  run: RunCall,
  { checkRoom }: Pick<Reservations, 'checkRoom'>,
): FsPartials {
  const { fs, paths, storeName } = volume
  const writers = new Set<PartWriter>()
  const streams = new Map<Readable, Promise<void>>()

  const partOf = ({ name, part }: PartialPart): Part => ({
    name,
    part,
    label: `part ${part} of ${name}`,
    path: `${paths.staging}/${partFileName(storeName, { name, part })}`,
  })
  const ended = (part: Part): MediaError => partEnded(storeName, part)

  /** A part is absent only on a volume that is there. */
  async function checkOnline(): Promise<void> {
    // That it is there is all that is asked, and what it says is read when the volume is opened: one call instead of three.
    if ((await lstatIfThere(fs, paths.marker))?.isFile() !== true)
      throw offline(storeName, paths, 'its marker is missing: its disk may not be mounted')
  }

  /** Opens the file of a part; undefined where there is none, which only a volume that is online can tell. */
  async function openIfThere(part: Part, flags: number): Promise<number | undefined> {
    const fd = await openFile(part, flags)
    if (fd === undefined) await checkOnline()
    return fd
  }

  async function openFile({ path }: Part, flags: number): Promise<number | undefined> {
    let fd: number
    try {
      fd = await fs.open(path, flags)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      return undefined
    }
    if (fs.fstat(fd).isFile()) return fd
    await fs.close(fd)
    throw notAFile(path)
  }

  /** A file with a second name is an object that was adopted: it must not change any more. */
  function checkAlone({ path }: Part, { nlink }: FileStat): void {
    if (nlink <= 1) return
    const message = `${storeName}: ${path} has another name too; what is written to it would change that`
    throw new MediaError('MEDIA_CONFLICT', message, { reason: 'part-taken' })
  }

  /** On a volume that was just found to be online. */
  async function openOrMake(part: Part, sizeBytes: number): Promise<{ fd: number; isMade: boolean }> {
    for (;;) {
      const fd = await openFile(part, WRITE_FLAGS)
      try {
        if (fd !== undefined) checkAlone(part, fs.fstat(fd))
        await checkRoom(Math.max(sizeBytes - (fd === undefined ? 0 : fs.fstat(fd).size), 0))
      } catch (error) {
        if (fd !== undefined) await fs.close(fd)
        throw error
      }
      if (fd !== undefined) return { fd, isMade: false }
      try {
        return { fd: await fs.open(part.path, CREATE_FLAGS), isMade: true }
      } catch (error) {
        // Made by another process since we looked.
        if (errnoOf(error) !== 'EEXIST') throw error
      }
    }
  }

  function openStream(part: Part, ino: number, range: ByteRange): Readable {
    let opening: Promise<number> | undefined
    const open = async (): Promise<number> => {
      const fd = await openIfThere(part, READ_FLAGS)
      if (fd !== undefined && fs.fstat(fd).ino === ino) return fd
      if (fd !== undefined) await fs.close(fd)
      throw ended(part)
    }
    let freed = (): void => {}
    const read = async (buffer: Uint8Array, position: number): Promise<number> => {
      try {
        opening ??= open()
        return await fs.read(await opening, buffer, position)
      } catch (error) {
        throw fsError(storeName, `read ${part.label}`, error)
      }
    }
    const release = (): void => {
      const closing = opening?.then((fd) => fs.close(fd)).catch(() => {}) ?? Promise.resolve()
      void closing.then(() => {
        streams.delete(stream)
        freed()
      })
    }
    const stream = createFileStream({ read, release }, range)
    streams.set(stream, new Promise((resolve) => (freed = resolve)))
    return stream
  }

  function createBody(
    part: Part,
    ino: number,
    { sizeBytes, digest }: Pick<StagedBody, 'sizeBytes' | 'digest'>,
    checkOpen: () => void,
  ): StagedBody {
    let isDiscarded = false
    return {
      sizeBytes,
      ...(digest === undefined ? {} : { digest }),
      path: part.path,
      open({ range = { start: 0, endExclusive: sizeBytes }, signal } = {}) {
        checkOpen()
        if (isDiscarded) throw ended(part)
        const stream = openStream(part, ino, range)
        if (signal !== undefined) destroyOnAbort(stream, signal)
        return stream
      },
      async discard() {
        if (isDiscarded) return
        isDiscarded = true
        await run(`discard ${part.label}`, async () => {
          if ((await lstatIfThere(fs, part.path))?.ino === ino) await drop(part.path)
        })
      },
    }
  }

  function end(path: string): void {
    for (const writer of writers) if (writer.path === path) writer.end()
  }

  async function drop(path: string): Promise<void> {
    end(path)
    try {
      await fs.unlink(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      await checkOnline()
    }
  }

  let isClosed = false
  const checkOpen = (): void => {
    if (isClosed) throw new MediaError('MEDIA_CLOSED', `${storeName}: the store is closed`)
  }

  return {
    get openCount() {
      return writers.size + streams.size
    },
    open: async ({ sizeBytes = 0, ...named }) => {
      const part = partOf(named)
      return run(`open ${part.label}`, async () => {
        await checkOnline()
        const { fd, isMade } = await openOrMake(part, sizeBytes)
        const onClose = (): void => void writers.delete(writer)
        const writer = createPartWriter(volume, part, { fd, isMade, run, checkOnline, onClose })
        writers.add(writer)
        return writer
      })
    },
    find: async ({ sizeBytes, digest, ...named }) => {
      const part = partOf(named)
      return run(`find ${part.label}`, async () => {
        const fd = await openIfThere(part, WRITE_FLAGS)
        if (fd === undefined) return undefined
        try {
          const stat = fs.fstat(fd)
          if (stat.size < sizeBytes) throw partShort(storeName, part, stat.size, sizeBytes)
          if (stat.size > sizeBytes) {
            await checkOnline()
            checkAlone(part, stat)
            await fs.ftruncate(fd, sizeBytes)
          }
          const facts = { sizeBytes, ...(digest === undefined ? {} : { digest }) }
          return createBody(part, stat.ino, facts, checkOpen)
        } finally {
          await fs.closeSynced(fd)
        }
      })
    },
    delete: async (named) => {
      const part = partOf(named)
      await run(`delete ${part.label}`, () => drop(part.path))
    },
    isWritten: (path) => [...writers].some((writer) => writer.path === path),
    drop,
    adopted: end,
    async close() {
      isClosed = true
      const reading = [...streams]
      for (const [stream] of reading)
        stream.destroy(new MediaError('MEDIA_CLOSED', `${storeName}: the store is closed`))
      await Promise.all([
        ...[...writers].map((writer) => writer.close()),
        ...reading.map(([, freed]) => freed),
      ])
    },
  }
}
