import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import {
  type ByteSource,
  type CallScope,
  checkDigest,
  type Digest,
  destroyOnAbort,
  digestFromHex,
  sizeMismatch,
} from '@mediakeep/core'
import type { FsPromises } from './calls.ts'
import { SourceFailure } from './errors.ts'
import { createFileSink } from './sink.ts'

/**
 * Writes the whole source to `fd` and checks length and digest on the way.
 * @throws MediaError MEDIA_BAD_INPUT `size-mismatch`, MEDIA_DIGEST_MISMATCH; what the source threw; the call's reason.
 */
export async function writeBody(
  fs: FsPromises,
  fd: number,
  source: ByteSource,
  checksum: Digest | undefined,
  scope: CallScope,
): Promise<void> {
  const hash = checksum === undefined ? undefined : createHash('sha256')
  if (source.bytes !== undefined) {
    if (source.bytes.byteLength !== source.sizeBytes)
      throw sizeMismatch(source.sizeBytes, source.bytes.byteLength)
    hash?.update(source.bytes)
    if (hash !== undefined) checkDigest(digestFromHex(hash.digest('hex')), checksum)
    await fs.write(fd, source.bytes, 0)
    return
  }
  const sink = createFileSink(fs, fd, { chunks: 'own' })
  try {
    await pump(openSource(source, scope), scope, (chunk) => {
      if (sink.writtenBytes() + chunk.byteLength > source.sizeBytes)
        throw sizeMismatch(source.sizeBytes, sink.writtenBytes() + chunk.byteLength)
      const room = sink.write(chunk)
      hash?.update(chunk)
      return room
    })
    if (sink.writtenBytes() !== source.sizeBytes) throw sizeMismatch(source.sizeBytes, sink.writtenBytes())
    if (hash !== undefined) checkDigest(digestFromHex(hash.digest('hex')), checksum)
    await sink.end()
  } finally {
    await sink.stop()
  }
}

function openSource(source: ByteSource, scope: CallScope): Readable {
  try {
    return source.open({ signal: scope.signal })
  } catch (error) {
    throw new SourceFailure(error)
  }
}

/** Gives every chunk of the stream to `take`, pausing while it asks for time. An async iterator would cost twice as much. */
export function pump(
  stream: Readable,
  scope: CallScope,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let settled = false
    const end = (finish: () => void): void => {
      if (settled) return
      settled = true
      stream.destroy()
      finish()
    }
    const refuse = (error: unknown): void => end(() => reject(error))
    destroyOnAbort(stream, scope.signal)
    stream.on('data', (chunk: Uint8Array) => {
      if (settled) return
      try {
        const room = take(chunk)
        if (room === undefined) return
        stream.pause()
        room.then(() => stream.resume(), refuse)
      } catch (error) {
        refuse(error)
      }
    })
    stream.on('error', (error) =>
      refuse(scope.signal.aborted ? scope.signal.reason : new SourceFailure(error)),
    )
    stream.once('end', () => end(resolve))
    // A stream destroyed without an error gives nothing more: that it is short is found by its length.
    stream.once('close', () => (scope.signal.aborted ? refuse(scope.signal.reason) : end(resolve)))
  })
}
