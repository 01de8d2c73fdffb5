import { Readable } from 'node:stream'
import { destroyOnAbort } from '../../bytes/source.ts'
import type { ByteRange } from '../../contracts/bytes.ts'
import type { ObjectFile, ObjectReader } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { CallScope } from '../../time/call-scope.ts'
import type { StoredObject } from './volume.ts'

const CHUNK_BYTES = 64 * 1024

/** Gives copies of the bytes chunk by chunk: whoever changes what it read changes nothing stored. */
export function createMemoryReader(
  object: StoredObject,
  range: ByteRange,
  scope: CallScope,
  onFreed: () => void,
): ObjectReader {
  let stream: Readable | undefined
  let freed = false
  const free = (): void => {
    if (freed) return
    freed = true
    scope.signal.removeEventListener('abort', freeUnread)
    scope.release()
    onFreed()
  }
  // An open reader nobody reads from must not outlive its call.
  const freeUnread = (): void => {
    if (stream === undefined) free()
  }
  scope.signal.addEventListener('abort', freeUnread, { once: true })

  return {
    head: object.head,
    range,
    stream() {
      if (stream !== undefined)
        throw new MediaError(
          'MEDIA_BAD_INPUT',
          'memory: the bytes were given already; open the object again',
          { reason: 'read-twice' },
        )
      scope.check()
      if (freed)
        throw new MediaError('MEDIA_BAD_INPUT', 'memory: the reader is disposed; open the object again', {
          reason: 'reader-disposed',
        })
      stream = chunksOf(object.bytes, range)
      stream.once('close', free)
      destroyOnAbort(stream, scope.signal)
      return stream
    },
    async [Symbol.asyncDispose]() {
      stream?.destroy()
      free()
    },
  }
}

function chunksOf(bytes: Uint8Array, range: ByteRange): Readable {
  let at = range.start
  return new Readable({
    read() {
      const end = Math.min(at + CHUNK_BYTES, range.endExclusive)
      if (at < end) this.push(Buffer.from(bytes.subarray(at, end)))
      at = end
      if (at >= range.endExclusive) this.push(null)
    },
  })
}

/** Positional reads of the bytes as they were when opened: a later put does not show. */
export function createMemoryFile(
  object: StoredObject,
  closing: AbortSignal,
  onFreed: () => void,
): ObjectFile {
  let open = true
  const free = (): void => {
    if (!open) return
    open = false
    closing.removeEventListener('abort', free)
    onFreed()
  }
  closing.addEventListener('abort', free, { once: true })
  const checkOpen = (): void => {
    if (!open) throw new MediaError('MEDIA_CLOSED', 'memory: the file is closed; open the object again')
  }
  return {
    sizeBytes: object.bytes.byteLength,
    async read(buffer, position) {
      checkOpen()
      const part = object.bytes.subarray(position, position + buffer.byteLength)
      buffer.set(part)
      return part.byteLength
    },
    stamp() {
      checkOpen()
      return object.head.etag
    },
    async close() {
      free()
    },
  }
}
