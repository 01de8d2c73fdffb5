import { createHash } from 'node:crypto'
import { type ByteSource, destroyOnAbort, sizeMismatch } from '@mediakeep/core'
import type { Body } from './bucket-client.ts'

/** Every chunk of the source, exactly as many bytes as it declares. */
export async function* chunksOf(source: ByteSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let givenBytes = 0
  if (source.bytes !== undefined) {
    givenBytes = source.bytes.byteLength
    if (givenBytes === source.sizeBytes) yield source.bytes
  } else {
    const stream = source.open({ signal })
    destroyOnAbort(stream, signal)
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      givenBytes += chunk.byteLength
      if (givenBytes > source.sizeBytes) break // leaving the loop ends the stream
      yield chunk
    }
  }
  if (givenBytes !== source.sizeBytes) throw sizeMismatch(source.sizeBytes, givenBytes)
}

/** The whole source in memory, with its SHA-256. Only for bodies of one part. */
export async function readWhole(source: ByteSource, signal: AbortSignal): Promise<Body> {
  const hash = createHash('sha256')
  if (source.bytes !== undefined) {
    for await (const chunk of chunksOf(source, signal)) hash.update(chunk)
    return { bytes: source.bytes, sha256: hash.digest('hex') }
  }
  const bytes = Buffer.allocUnsafeSlow(source.sizeBytes)
  let filled = 0
  for await (const chunk of chunksOf(source, signal)) {
    bytes.set(chunk, filled)
    hash.update(chunk)
    filled += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}
