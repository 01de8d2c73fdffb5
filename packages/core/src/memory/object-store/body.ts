import { sizeMismatch } from '../../bytes/declared.ts'
import { destroyOnAbort } from '../../bytes/source.ts'
import type { ByteSource } from '../../contracts/bytes.ts'
import type { CallScope } from '../../time/call-scope.ts'

/**
 * A private copy of the source's bytes.
 * @throws MediaError MEDIA_BAD_INPUT `size-mismatch` when it gives fewer or more than it declares; what the source threw; the call's reason.
 */
export async function readBody(source: ByteSource, scope: CallScope): Promise<Uint8Array> {
  if (source.bytes !== undefined) {
    if (source.bytes.byteLength !== source.sizeBytes)
      throw sizeMismatch(source.sizeBytes, source.bytes.byteLength)
    return Uint8Array.from(source.bytes)
  }
  const body = new Uint8Array(source.sizeBytes)
  const stream = source.open({ signal: scope.signal })
  destroyOnAbort(stream, scope.signal)
  let at = 0
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      scope.check()
      if (at + chunk.byteLength > body.byteLength) throw sizeMismatch(source.sizeBytes, at + chunk.byteLength)
      body.set(chunk, at)
      at += chunk.byteLength
    }
  } catch (error) {
    scope.check() // what the abort made of the stream is not the reason
    throw error
  } finally {
    stream.destroy()
  }
  scope.check()
  if (at !== source.sizeBytes) throw sizeMismatch(source.sizeBytes, at)
  return body
}
