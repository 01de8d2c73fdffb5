import { Readable } from 'node:stream'
import type { ByteRange } from '../../contracts/bytes.ts'
import type { ObjectFile } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { StoredObject } from './volume.ts'

const CHUNK_BYTES = 64 * 1024

/** Gives copies of the bytes chunk by chunk: whoever changes what it read changes nothing stored. */
export function createMemoryStream(bytes: Uint8Array, range: ByteRange): Readable {
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
