import { constants } from 'node:fs'
import {
  type Digest,
  destroyOnAbort,
  MediaError,
  type StagedBody,
  type Staging,
  type StagingWriter,
} from '@mediakeep/core'
import { fsError } from './errors.ts'
import { createFileStream } from './file-stream.ts'
import type { RunCall } from './part-writer.ts'
import { createPartials, type FsPartials } from './partials.ts'
import { createReservations, type Reservation } from './reservations.ts'
import { createFileSink } from './sink.ts'
import { stagedPrefix } from './staged-names.ts'
import { sweepVolume } from './sweep.ts'
import { type TempFile, tempFileOf } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

export interface FsStaging extends Staging {
  /** A store took the file over: its bytes no longer count. */
  adopted(path: string): Promise<void>
  /** Removes every staged body; `create` throws MEDIA_CLOSED from then on. */
  close(): Promise<void>
  readonly partials: FsPartials
}

export interface StagingOptions {
  readonly budgetBytes: number
  readonly headRoomBytes: number
  /** Files of dead sessions younger than this stay. */
  readonly sweepAfterMs: number
  /** Opens the volume first, and refuses when the store is closed. */
  ready(): Promise<void>
  /** One call: the volume opened first, refused when the store is closed, waited for when it closes. */
  readonly run: RunCall
}

/** One body on its way in. Its file is `<escaped name>~<session>-<count>`, so that a later process can tell whose it was. */
interface Entry {
  readonly name: string
  readonly file: TempFile
  readonly reservation: Reservation
  readers: number
  /** Resolves when nothing is written any more: a descriptor closed before that may be another file's by then. */
  stopWriting: () => Promise<void>
  ended: 'dropped' | 'adopted' | undefined
  dropping: Promise<void> | undefined
}

/** Room for bodies beside the objects, so that adopting is a rename. The budget is this store's own, not shared between processes. */
export function createStaging(volume: Volume, options: StagingOptions): FsStaging {
  const { fs, paths, storeName } = volume
  const entries = new Map<string, Entry>()
  const reservations = createReservations(volume, options)
  const partials = createPartials(volume, options.run, reservations)
  let closed = false

  const failed = (act: string, error: unknown): unknown => fsError(storeName, act, error)
  const checkLive = (entry: Entry): void => {
    if (closed) throw new MediaError('MEDIA_CLOSED', `${storeName}: the store is closed`)
    if (entry.ended === undefined) return
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `${storeName}: the staged body ${entry.name} was ${entry.ended}`,
      { reason: 'staging-ended' },
    )
  }

  function end(entry: Entry, how: 'dropped' | 'adopted'): void {
    if (entry.ended !== undefined) return
    entry.ended = how
    entries.delete(entry.file.path)
    entry.reservation.release()
    if (how === 'adopted') entry.file.published()
  }

  /** Readers keep the descriptor until they have ended; the name goes at once. */
  function drop(entry: Entry): Promise<void> {
    end(entry, 'dropped')
    entry.dropping ??=
      entry.readers === 0
        ? entry.stopWriting().then(() => entry.file.drop())
        : fs
            .unlink(entry.file.path)
            .catch(() => {})
            .then(() => entry.file.published())
    return entry.dropping
  }

  function createStagedBody(entry: Entry, sizeBytes: number, digest: Digest): StagedBody {
    return {
      sizeBytes,
      digest,
      path: entry.file.path,
      open({ range = { start: 0, endExclusive: sizeBytes }, signal } = {}) {
        checkLive(entry)
        entry.readers += 1
        const release = (): void => {
          entry.readers -= 1
          if (entry.readers === 0 && entry.ended !== undefined) void entry.file.close().catch(() => {})
        }
        const stream = createFileStream(
          { read: (buffer, position) => fs.read(entry.file.fd, buffer, position), release },
          range,
        )
        if (signal !== undefined) destroyOnAbort(stream, signal)
        return stream
      },
      async discard() {
        if (entry.ended === undefined) await drop(entry)
      },
    }
  }

  function createWriter(entry: Entry, signal: AbortSignal | undefined): StagingWriter {
    const sink = createFileSink(fs, entry.file.fd, { chunks: 'copy' })
    entry.stopWriting = () => sink.stop()
    let finished = false
    const abort = async (): Promise<void> => {
      signal?.removeEventListener('abort', onAbort)
      if (finished || entry.ended !== undefined) return entry.dropping
      return drop(entry)
    }
    const onAbort = (): void => void abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    const check = (): void => {
      signal?.throwIfAborted()
      checkLive(entry)
      if (finished)
        throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: ${entry.name} is finished`, {
          reason: 'staging-ended',
        })
    }
    return {
      async write(chunk) {
        check()
        try {
          await entry.reservation.grow(sink.writtenBytes() + chunk.byteLength)
          check()
          await sink.write(chunk)
        } catch (error) {
          throw failed(`stage ${entry.name}`, error)
        }
      },
      async finish(digest) {
        check()
        try {
          await sink.end()
        } catch (error) {
          throw failed(`stage ${entry.name}`, error)
        }
        check()
        finished = true
        signal?.removeEventListener('abort', onAbort)
        entry.reservation.shrink(sink.writtenBytes())
        return createStagedBody(entry, sink.writtenBytes(), digest)
      },
      abort,
      follow() {
        checkLive(entry)
        entry.readers += 1
        let isOpen = true
        return {
          get availableBytes() {
            return sink.flushedBytes()
          },
          async read(buffer, position) {
            if (!isOpen || entry.ended === 'dropped') checkLive(entry)
            try {
              return await fs.read(entry.file.fd, buffer, position)
            } catch (error) {
              throw failed(`stage ${entry.name}`, error)
            }
          },
          close() {
            if (!isOpen) return
            isOpen = false
            entry.readers -= 1
            if (entry.readers === 0 && entry.ended !== undefined) void entry.file.close().catch(() => {})
          },
        }
      },
    }
  }

  return {
    budgetBytes: options.budgetBytes,
    partials,
    get usedBytes() {
      return reservations.usedBytes
    },
    async create({ name, sizeBytes = 0, signal }) {
      signal?.throwIfAborted()
      await options.ready()
      const prefix = stagedPrefix(storeName, name)
      const reservation = await reservations.reserve(sizeBytes)
      try {
        const path = `${paths.staging}/${prefix}${volume.names.next()}`
        const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
        const file = tempFileOf(fs, path, await fs.open(path, flags))
        const entry: Entry = {
          name,
          file,
          reservation,
          readers: 0,
          stopWriting: async () => {},
          ended: undefined,
          dropping: undefined,
        }
        if (closed || signal?.aborted) {
          await file.drop()
          signal?.throwIfAborted()
          throw new MediaError('MEDIA_CLOSED', `${storeName}: the store is closed`)
        }
        entries.set(path, entry)
        return createWriter(entry, signal)
      } catch (error) {
        reservation.release()
        throw failed(`stage ${name}`, error)
      }
    },
    async sweep(keep) {
      await options.ready()
      const oldestMs = volume.clock.now() - options.sweepAfterMs
      try {
        return await sweepVolume(volume, {
          keep,
          oldestMs,
          isOurs: (path) => entries.has(path) || partials.isWritten(path),
          drop: async (path) => {
            const entry = entries.get(path)
            if (entry !== undefined) await drop(entry)
            else await partials.drop(path)
          },
        })
      } catch (error) {
        throw failed('sweep staging', error)
      }
    },
    async adopted(path) {
      partials.adopted(path)
      const entry = entries.get(path)
      if (entry === undefined) return
      end(entry, 'adopted')
      if (entry.readers === 0) await entry.file.close().catch(() => {}) // its bytes were synced through another descriptor
    },
    async close() {
      closed = true
      await Promise.all([...[...entries.values()].map(drop), partials.close()])
    },
  }
}
