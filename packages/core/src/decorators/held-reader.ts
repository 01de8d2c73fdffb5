import type { ObjectReader } from '../contracts/object-store.ts'

/** The reader, telling once when it holds nothing any more: read to its end, broken off, disposed, or its call aborted. */
export function heldReader(
  reader: ObjectReader,
  signal: AbortSignal | undefined,
  onFreed: () => void,
): ObjectReader {
  let isRead = false
  const free = (): void => {
    signal?.removeEventListener('abort', freeUnread)
    onFreed()
  }
  // A stream that was opened ends by itself when its call does.
  const freeUnread = (): void => {
    if (!isRead) free()
  }
  signal?.addEventListener('abort', freeUnread, { once: true })
  if (signal?.aborted === true) free()
  return {
    head: reader.head,
    range: reader.range,
    stream() {
      const stream = reader.stream()
      isRead = true
      stream.once('close', free)
      return stream
    },
    async [Symbol.asyncDispose]() {
      try {
        await reader[Symbol.asyncDispose]()
      } finally {
        free()
      }
    },
  }
}
