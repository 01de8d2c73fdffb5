import { Readable } from 'node:stream'
import { MediaError } from '../errors/media-error.ts'
import { createInterruption } from '../time/interruption.ts'

/** Takes a chunk. A promise means: give the next one when it has resolved. */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined

/**
 * Gives every chunk of a stream or iterable to `take`, one at a time, and resolves at its end.
 * On failure a stream is destroyed and an iterator returned; a signal's reason passes untouched.
 */
export function forEachChunk(
  body: Readable | AsyncIterable<Uint8Array>,
  take: TakeChunk,
  signal: AbortSignal | undefined,
): Promise<void> {
  return body instanceof Readable ? readStream(body, take, signal) : readIterable(body, take, signal)
}

/** Events instead of an async iterator: at 64 KiB a chunk the iterator costs as much as half the hashing. */
function readStream(stream: Readable, take: TakeChunk, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let busy = false
    let ended = false
    const forget = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
    }
    const finish = (): void => {
      forget()
      resolve()
    }
    // A function of its own: whatever is thrown is a failure, `undefined` too.
    const fail = (error: unknown): void => {
      forget()
      stream.on('error', ignore) // destroying may still report; nobody listens any more
      stream.destroy()
      reject(error)
    }
    const onError = (error: unknown): void => fail(error ?? incomplete())
    const onAbort = (): void => fail(signal?.reason)
    const onEnd = (): void => {
      ended = true
      if (!busy) finish()
    }
    const onClose = (): void => {
      if (!ended) fail(incomplete())
    }
    const onData = (chunk: unknown): void => {
      let wait: Promise<void> | undefined
      try {
        wait = take(asBytes(chunk))
      } catch (error) {
        fail(error)
        return
      }
      if (wait === undefined) return
      busy = true
      stream.pause()
      wait.then(() => {
        busy = false
        if (ended) finish()
        else stream.resume()
      }, fail)
    }
    if (signal?.aborted === true) {
      fail(signal.reason)
      return
    }
    if (stream.errored !== null || stream.destroyed) {
      fail(stream.errored ?? incomplete())
      return
    }
    if (stream.readableEncoding !== null) {
      fail(
        new MediaError(
          'MEDIA_BAD_INPUT',
          `the stream gives text in ${stream.readableEncoding}, which cannot hold every byte; leave its encoding unset`,
          { reason: 'not-bytes' },
        ),
      )
      return
    }
    if (stream.readableEnded) {
      fail(
        new MediaError('MEDIA_BAD_INPUT', 'the body was read before; a stream can be stored once', {
          reason: 'body-used',
        }),
      )
      return
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    stream.on('end', onEnd).on('error', onError).on('close', onClose).on('data', onData)
  })
}

async function readIterable(
  body: AsyncIterable<Uint8Array>,
  take: TakeChunk,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted()
  const iterator = body[Symbol.asyncIterator]()
  const interruption = createInterruption()
  const onAbort = (): void => interruption.interrupt(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  let done = false
  try {
    for (;;) {
      const next = await interruption.wait(iterator.next())
      if (next.done === true) {
        done = true
        return
      }
      await take(asBytes(next.value))
      signal?.throwIfAborted()
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!done) letGo(iterator)
  }
}

/** Not awaited: an iterator that stalls in next() would never answer return(). What it throws hides no other failure. */
export function letGo(iterator: AsyncIterator<Uint8Array>): void {
  try {
    Promise.resolve(iterator.return?.()).catch(ignore)
  } catch {
    // it has let go of itself
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk)
  throw new MediaError(
    'MEDIA_BAD_INPUT',
    `a body gives bytes, not ${chunk === null ? 'null' : typeof chunk}`,
    { reason: 'not-bytes' },
  )
}

function incomplete(): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'the body ended before it was complete', {
    reason: 'incomplete-body',
  })
}

function ignore(): void {}
