import type { Readable } from 'node:stream'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ObjectHead, ObjectReader } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import type { CallScope } from '../time/call-scope.ts'
import { destroyOnAbort } from './source.ts'

/** An object that was opened, as the store that opened it tells of it. */
export interface OpenedObject {
  readonly head: ObjectHead
  readonly range: ByteRange
  /** The call that opened it; released with the reader. */
  readonly scope: CallScope
  /** The bytes of the range. Called once at most; from then on the stream frees what it holds when it is closed. */
  open(): Readable
  /** Frees what is held where `open` was never called. */
  discard?(): void
  /** Called once, when nothing is held any more. */
  onFreed?(): void
}

/**
 * The reader of an object store's `get`: its bytes once, and all that it holds freed whichever way it ends: read to the end,
 * broken off, disposed, or its call aborted with nobody reading.
 */
export function createObjectReader(opened: OpenedObject): ObjectReader {
  const { head, range, scope } = opened
  let stream: Readable | undefined
  let isFreed = false
  const free = (): void => {
    if (isFreed) return
    isFreed = true
    scope.signal.removeEventListener('abort', freeUnread)
    scope.release()
    opened.onFreed?.()
  }
  // A reader that nobody reads from must not outlive its call.
  const freeUnread = (): void => {
    if (stream !== undefined || isFreed) return
    opened.discard?.()
    free()
  }
  scope.signal.addEventListener('abort', freeUnread, { once: true })
  if (scope.signal.aborted) freeUnread()

  return {
    head,
    range,
    stream() {
      if (stream !== undefined) throw readTwice(head)
      scope.check()
      if (isFreed) throw readerDisposed(head)
      stream = opened.open()
      stream.once('close', free)
      destroyOnAbort(stream, scope.signal)
      return stream
    },
    async [Symbol.asyncDispose]() {
      if (stream === undefined) {
        freeUnread()
        return
      }
      const ending = stream
      if (ending.closed) return
      const closed = new Promise((resolve) => ending.once('close', resolve))
      ending.destroy()
      await closed
    },
  }
}

function readTwice({ key }: ObjectHead): MediaError {
  const message = `${JSON.stringify(key)}: the bytes were given already; open the object again`
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'read-twice' })
}

function readerDisposed({ key }: ObjectHead): MediaError {
  const message = `${JSON.stringify(key)}: the reader is disposed; open the object again`
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'reader-disposed' })
}
