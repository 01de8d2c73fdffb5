import { Readable, type Writable } from 'node:stream'
import { rangeBytes } from '../bytes/range.ts'
import type { BlockPool } from '../cas/block-pool.ts'
import type { BlockReader } from '../cas/verified-blocks.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import type { Media } from '../contracts/media.ts'
import type { MediaReader } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { isDoneOnCallback } from './done-on-callback.ts'
import { writeBlocks } from './write-blocks.ts'

/** Where a reader's bytes come from. */
export type ReaderSource =
  | { readonly kind: 'blocks'; open(pool: BlockPool): BlockReader }
  | { readonly kind: 'stream'; open(): Promise<Readable> }

export interface ReaderParts {
  readonly media: Media
  readonly range: ByteRange
  readonly etag: string
  readonly tier: string
  readonly source: ReaderSource
  readonly pool: BlockPool
  /** Frees the handle behind the source; called once. */
  release(): Promise<void>
  /** Told of the failure that ended reading. */
  onError(error: unknown): void
}

/** Blocks that their reader keeps: for consumers that hold on to chunks. */
const FRESH: BlockPool = { take: () => Buffer.allocUnsafeSlow(262_144), give: () => {} }

/** A reader over one source. Whatever ends it, the source is released exactly once. */
export function createReader(parts: ReaderParts): MediaReader & { abort(reason: Error): void } {
  const { source, range } = parts
  let used = false
  let released: Promise<void> | undefined
  let active: { destroy(reason: Error): void } | undefined

  const release = (): Promise<void> => {
    released ??= parts.release()
    return released
  }
  const use = (): void => {
    if (used) throw readerUsed()
    if (released !== undefined) throw readerClosed()
    used = true
  }
  const writeAll = async (
    blocks: BlockReader,
    destination: Writable,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    try {
      await writeBlocks(blocks, destination, signal)
    } finally {
      await blocks.stop()
      await release()
    }
  }
  const failed = (error: unknown): unknown => {
    parts.onError(error)
    return error
  }

  const stream = (): Readable => {
    use()
    const readable =
      source.kind === 'blocks' ? blockStream(source.open(FRESH), failed) : laterStream(source.open, failed)
    active = readable
    readable.once('close', () => void release())
    return readable
  }

  return {
    media: parts.media,
    range,
    sizeBytes: rangeBytes(range),
    etag: parts.etag,
    tier: parts.tier,
    buffered: undefined,
    stream,
    web: () => Readable.toWeb(stream()) as ReadableStream<Uint8Array>,
    async bytes(options) {
      const maxBytes = limitOf(options)
      if (rangeBytes(range) > maxBytes) {
        await release()
        throw tooLarge(rangeBytes(range), maxBytes)
      }
      const chunks: Buffer[] = []
      for await (const chunk of stream()) chunks.push(chunk as Buffer)
      return new Uint8Array(Buffer.concat(chunks))
    },
    async writeTo(destination, options = {}) {
      if (source.kind === 'blocks') {
        use()
        const blocks = source.open(isDoneOnCallback(destination) ? parts.pool : FRESH)
        const stop = new AbortController()
        active = { destroy: (reason) => stop.abort(reason) }
        const signal =
          options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
        try {
          await writeAll(blocks, destination, signal)
        } catch (error) {
          throw failed(error)
        }
        return
      }
      await writeAll(streamBlocks(stream()), destination, options.signal)
    },
    abort(reason) {
      if (active === undefined) void release()
      else active.destroy(reason)
    },
    async [Symbol.asyncDispose]() {
      if (active instanceof Readable) active.destroy()
      await release()
    },
  }
}

export function readerUsed(): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'a reader gives its bytes once', { reason: 'reader-used' })
}

export function readerClosed(): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'the reader is closed', { reason: 'reader-closed' })
}

/**
 * How much may be gathered. Without a limit it would be whatever there is: a film, in memory.
 * @throws MediaError MEDIA_BAD_INPUT `bad-limit`
 */
export function limitOf(options: { readonly maxBytes: number } | undefined): number {
  const maxBytes = options?.maxBytes
  if (typeof maxBytes === 'number' && maxBytes >= 0) return maxBytes
  throw new MediaError('MEDIA_BAD_INPUT', 'bytes() needs maxBytes, the most that may come into memory', {
    reason: 'bad-limit',
  })
}

export function tooLarge(sizeBytes: number, maxBytes: number): MediaError {
  return new MediaError('MEDIA_TOO_LARGE', `${sizeBytes} bytes are over maxBytes ${maxBytes}`)
}

function blockStream(blocks: BlockReader, failed: (error: unknown) => unknown): Readable {
  return new Readable({
    highWaterMark: 1,
    read() {
      blocks.next().then(
        (block) => this.push(block === undefined ? null : block.bytes),
        (error: unknown) => this.destroy(failed(error) as Error),
      )
    },
    destroy(error, done) {
      blocks.stop().then(() => done(error), done)
    },
  })
}

/** A stream whose source is opened when it is first read. */
function laterStream(open: () => Promise<Readable>, failed: (error: unknown) => unknown): Readable {
  let inner: Readable | undefined
  return new Readable({
    highWaterMark: 1,
    construct(done) {
      open().then(
        (opened) => {
          inner = opened
          opened.on('error', (error) => this.destroy(failed(error) as Error))
          opened.on('end', () => this.push(null))
          opened.on('data', (chunk: Buffer) => {
            if (!this.push(chunk)) opened.pause()
          })
          opened.pause()
          done()
        },
        (error: unknown) => done(failed(error) as Error),
      )
    },
    read() {
      inner?.resume()
    },
    destroy(error, done) {
      inner?.destroy()
      done(error)
    },
  })
}

function streamBlocks(stream: Readable): BlockReader {
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
  return {
    async next() {
      const chunk = await chunks.next()
      return chunk.done === true ? undefined : { bytes: chunk.value, give: () => {} }
    },
    async stop() {
      stream.destroy()
    },
  }
}
