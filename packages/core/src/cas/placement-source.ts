import { Readable } from 'node:stream'
import { destroyOnAbort } from '../bytes/source.ts'
import type { ByteRange, ByteSource, Digest } from '../contracts/bytes.ts'
import type { CallCause } from '../contracts/call.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** The bytes of an object as a source: every `open` is a read of its own. Not verified. */
export function placementSource(
  store: Pick<ObjectStore, 'name' | 'get'>,
  object: {
    readonly key: string
    readonly sizeBytes: number
    readonly digest: Digest
    readonly cause: CallCause
  },
): ByteSource {
  const { key, sizeBytes, digest, cause } = object
  async function* bytes(
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const reader = await store.get(key, {
      context: { cause },
      ...(range === undefined ? {} : { range }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (reader === undefined)
      throw new MediaError('MEDIA_UNAVAILABLE', `${store.name} has the object no more`, {
        reason: 'object-gone',
      })
    try {
      yield* reader.stream() as AsyncIterable<Uint8Array>
    } finally {
      await reader[Symbol.asyncDispose]()
    }
  }
  return {
    sizeBytes,
    digest,
    open({ range, signal } = {}) {
      const stream = Readable.from(bytes(range, signal), { objectMode: false })
      if (signal !== undefined) destroyOnAbort(stream, signal)
      return stream
    },
  }
}
