import { Readable } from 'node:stream'
import { type ByteRange, KiB, MediaError } from '@mediakeep/core'

/** Bytes per read: more measured no faster. */
export const READ_BYTES: number = 256 * KiB

/** Positional reads of an open file, and its end. */
export interface ReadableFile {
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Called once, when nothing is read any more. */
  release(): void
}

/** Reads under way at once: the disk works on the next block while the reader takes this one. */
const READ_AHEAD = 2

/**
 * The bytes of `range` in blocks of 256 KiB, the last read exactly. Holds the file until its end, its error or its destruction,
 * and then until the last read has ended.
 * @throws MediaError MEDIA_CORRUPT `truncated`, through the stream, when the file is shorter than it was
 */
export function createFileStream(file: ReadableFile, range: ByteRange): Readable {
  let next = range.start
  let pushed = range.start
  let wanted = false
  const ahead: Promise<Buffer>[] = []
  const reading = new Set<Promise<Buffer>>()

  async function readBlock(position: number, sizeBytes: number): Promise<Buffer> {
    const block = sizeBytes < 4096 ? Buffer.allocUnsafe(sizeBytes) : Buffer.allocUnsafeSlow(sizeBytes)
    const got = await file.read(block, position)
    if (got === sizeBytes) return block
    const message = `the object ends at byte ${position + got}, before ${range.endExclusive}`
    throw new MediaError('MEDIA_CORRUPT', message, { reason: 'truncated' })
  }

  function fill(): void {
    while (ahead.length < READ_AHEAD && next < range.endExclusive) {
      const sizeBytes = Math.min(READ_BYTES, range.endExclusive - next)
      const block = readBlock(next, sizeBytes)
      next += sizeBytes
      ahead.push(block)
      reading.add(block)
      const ended = (): void => {
        reading.delete(block)
      }
      block.then(ended, ended)
    }
  }

  async function give(stream: Readable): Promise<void> {
    if (wanted) return
    wanted = true
    while (wanted && !stream.destroyed) {
      fill()
      const first = ahead.shift()
      if (first === undefined) return
      const block = await first
      pushed += block.length
      wanted = stream.push(block)
      if (pushed === range.endExclusive) stream.push(null)
    }
  }

  return new Readable({
    highWaterMark: READ_BYTES,
    read() {
      if (pushed === range.endExclusive) {
        this.push(null)
        return
      }
      give(this).catch((error: unknown) =>
        this.destroy(error instanceof Error ? error : new Error(String(error))),
      )
    },
    destroy(error, done) {
      void Promise.allSettled(reading).then(() => {
        file.release()
        done(error)
      })
    },
  })
}
