import type { FsPromises } from './calls.ts'
import { createFileSink, type FileSink } from './sink.ts'

/** Writes to any place of one file: what follows each other is gathered into few large writes, and of two to one place the later counts. */
export interface GatheredWrites {
  /** Takes the chunk, which is the caller's again when this resolves. That it could not be written may be told by a later call. */
  write(chunk: Uint8Array, position: number): Promise<void>
  /** Resolves when all that was given is in the file. */
  flush(): Promise<void>
  /** From here on bytes could not be written. Whoever goes back to it writes what is missing again. */
  brokenAt(): number | undefined
  /** Resolves when no write is under way, and starts no other. */
  stop(): Promise<void>
}

export function createGatheredWrites(fs: FsPromises, fd: number): GatheredWrites {
  let sink: FileSink | undefined
  let sinkStart = 0
  /** Of bytes that do not follow the last ones, and of all behind them. */
  let moving: Promise<void> | undefined
  let broken: { readonly at: number; readonly error: unknown } | undefined

  /** Runs one step of writing; how far it came stays known when it fails. */
  async function step(work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work()
    } catch (error) {
      broken ??= { at: sinkStart + (sink?.flushedBytes() ?? 0), error }
      throw error
    }
  }

  /** What was written before is in the file first: of two writes to one place the later counts. */
  async function move(chunk: Uint8Array, position: number): Promise<void> {
    if (broken !== undefined) {
      // Whoever goes back to where it broke has been told, and writes what is missing again.
      if (position > broken.at) throw broken.error
      broken = undefined
      sink = undefined
    }
    if (sink === undefined || sinkStart + sink.writtenBytes() !== position) {
      await step(() => sink?.end())
      sink = createFileSink(fs, fd, { chunks: 'copy', startPosition: position })
      sinkStart = position
    }
    await step(() => sink?.write(chunk))
  }

  return {
    brokenAt: () => broken?.at,
    async write(chunk, position) {
      if (
        broken === undefined &&
        moving === undefined &&
        sink !== undefined &&
        sinkStart + sink.writtenBytes() === position
      )
        return step(() => sink?.write(chunk))
      const moved = (moving ?? Promise.resolve()).then(() => move(chunk, position))
      moving = moved.catch(() => {}) // told to whoever gave the chunk
      const last = moving
      await moved.finally(() => {
        if (moving === last) moving = undefined
      })
    },
    async flush() {
      await moving
      if (broken !== undefined) throw broken.error
      await step(() => sink?.end())
    },
    async stop() {
      await sink?.stop()
    },
  }
}
