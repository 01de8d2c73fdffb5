import { type Readable, Transform } from 'node:stream'

/**
 * The stream, told of as it passes. Errors go to whoever reads; who reads may leave, which ends the inner one.
 * An own stream, so that what its reader destroys it with is not taken for an error of the inner one.
 */
export function watchedStream(
  inner: Readable,
  watch: { onBytes?(bytes: number): void; onError?(error: Error): void; onClose?(): void },
): Readable {
  const outer = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      watch.onBytes?.(chunk.byteLength)
      done(null, chunk)
    },
  })
  inner.once('error', (error) => {
    watch.onError?.(error)
    outer.destroy(error)
  })
  inner.once('close', () => {
    // Ended from outside, by a dispose: what has not passed by now will not come.
    if (!inner.readableEnded) outer.destroy()
  })
  outer.once('close', () => {
    inner.destroy()
    watch.onClose?.()
  })
  return inner.pipe(outer)
}
