import type { Readable } from 'node:stream'
import {
  type ByteRange,
  type CallScope,
  destroyOnAbort,
  MediaError,
  type ObjectHead,
  type ObjectReader,
} from '@mediakeep/core'
import type { ObjectBody } from './object-body.ts'

/** An answer as a reader: its bytes once, and its connection freed whichever way it ends. */
export function createObjectReader(
  head: ObjectHead,
  range: ByteRange,
  body: ObjectBody,
  rules: {
    readonly scope: CallScope
    failed(error: unknown): unknown
    /** Called once, when nothing is held any more. */
    onFreed(): void
  },
): ObjectReader {
  const { scope } = rules
  let stream: Readable | undefined
  let freed = false
  const free = (): void => {
    if (freed) return
    freed = true
    scope.signal.removeEventListener('abort', freeUnread)
    scope.release()
    rules.onFreed()
  }
  const freeUnread = (): void => {
    if (stream !== undefined || freed) return
    body.discard()
    free()
  }
  scope.signal.addEventListener('abort', freeUnread, { once: true })

  return {
    head,
    range,
    stream() {
      if (stream !== undefined)
        throw refuse('the bytes were given already; open the object again', 'read-twice')
      scope.check()
      if (freed) throw refuse('the reader is disposed; open the object again', 'reader-disposed')
      stream = body.open(rules.failed)
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

function refuse(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
