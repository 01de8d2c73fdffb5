import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type ByteSource, type CallScope, destroyOnAbort, sizeMismatch } from '@mediakeep/core'

/**
 * Sends the bytes of the source, as fast as they are taken. Stops when the answer comes first: then they are not wanted.
 * @throws MediaError MEDIA_BAD_INPUT `size-mismatch` when the source gives fewer or more than it declares: the request is
 * then broken off, so that the other side keeps nothing. What the source throws.
 */
export async function sendBody(
  request: ClientRequest,
  source: ByteSource,
  scope: CallScope,
  answered: Promise<IncomingMessage>,
  onSent: (bytes: number) => void = () => {},
): Promise<void> {
  let isAnswered = false
  const over = answered.then(
    () => {
      isAnswered = true
    },
    () => {
      isAnswered = true
    },
  )
  await Promise.resolve()
  if (isAnswered) return
  if (source.bytes !== undefined) {
    checkLength(source, source.bytes.byteLength, true)
    request.end(source.bytes)
    onSent(source.bytes.byteLength)
    return
  }
  const stream: Readable = source.open({ signal: scope.signal })
  destroyOnAbort(stream, scope.signal)
  void over.then(() => stream.destroy()) // a source that waits would not notice
  let givenBytes = 0
  // What completes the body waits for the end of the source: a longer one must not look whole on the other side.
  let last: Uint8Array | undefined
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (isAnswered) return
      givenBytes += chunk.byteLength
      checkLength(source, givenBytes, false)
      if (givenBytes === source.sizeBytes) {
        last ??= chunk
        continue
      }
      const isTaken = request.write(chunk)
      onSent(chunk.byteLength)
      if (!isTaken) await Promise.race([drained(request), over])
    }
  } catch (error) {
    if (isAnswered) return
    throw error
  } finally {
    stream.destroy()
  }
  if (isAnswered) return
  scope.check()
  checkLength(source, givenBytes, true)
  if (last !== undefined) onSent(last.byteLength)
  request.end(last)
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      request.off('drain', settle)
      request.off('close', settle)
      resolve()
    }
    request.on('drain', settle)
    request.on('close', settle)
  })
}

function checkLength({ sizeBytes }: ByteSource, givenBytes: number, isAll: boolean): void {
  if (givenBytes === sizeBytes || (!isAll && givenBytes < sizeBytes)) return
  throw sizeMismatch(sizeBytes, givenBytes)
}
