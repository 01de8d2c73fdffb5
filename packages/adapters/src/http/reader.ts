import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import {
  type ByteRange,
  type CallScope,
  createObjectReader,
  type ObjectHead,
  type ObjectReader,
  rangeBytes,
} from '@mediakeep/core'
import { wayError } from './errors.ts'

export interface HttpReaderOptions {
  readonly name: string
  readonly head: ObjectHead
  readonly range: ByteRange
  readonly scope: CallScope
  readonly idleTimeoutMs: number
  /** Nothing is held any more; told once, with the bytes that came. */
  onFreed(bytes: number): void
}

/** Reads the body of an answer, which has exactly as many bytes as its head said or ends with an error. */
export function createHttpReader(answer: IncomingMessage, options: HttpReaderOptions): ObjectReader {
  const { head, range, scope, onFreed } = options
  let bytes = 0
  answer.on('error', () => {}) // an unread body may be cut off too
  answer.setTimeout(0) // from here on it is waited for only while somebody reads
  return createObjectReader({
    head,
    range,
    scope,
    open: () => bodyOf(answer, options, (count) => (bytes += count)),
    discard() {
      if (!answer.complete) answer.destroy()
    },
    onFreed: () => onFreed(bytes),
  })
}

function bodyOf(
  answer: IncomingMessage,
  { name, range, idleTimeoutMs }: HttpReaderOptions,
  onBytes: (count: number) => number,
): Readable {
  const wantedBytes = rangeBytes(range)
  let isWaiting = false
  let bytes = 0
  const timer = setTimeout(() => {
    // Time in which nobody reads says nothing about the other side.
    if (isWaiting) body.destroy(wayError(name, 'get()', 'timed-out'))
  }, idleTimeoutMs)
  const body = new Readable({
    read() {
      isWaiting = true
      timer.refresh()
      answer.resume()
    },
    destroy(error, done) {
      clearTimeout(timer)
      if (!answer.complete) answer.destroy()
      done(error)
    },
  })
  answer.on('data', (chunk: Buffer) => {
    bytes = onBytes(chunk.byteLength)
    timer.refresh()
    if (bytes > wantedBytes) body.destroy(wayError(name, 'get()', 'bad-answer'))
    else if (!body.push(chunk)) {
      isWaiting = false
      answer.pause()
    }
  })
  answer.pause()
  const end = (cause?: unknown): void => {
    if (body.destroyed || body.readableEnded) return
    if (answer.complete && bytes === wantedBytes) body.push(null)
    else body.destroy(wayError(name, 'get()', 'cut-off', cause))
  }
  answer.once('end', () => end())
  answer.once('error', end)
  answer.once('close', () => end())
  return body
}
