import type { Readable } from 'node:stream'
import type { ByteSource } from '../contracts/bytes.ts'
import { isMediaError, type MediaError } from '../errors/media-error.ts'

/**
 * Tells a failure of the backend from everything else: absence, a refusal, a full disk, a caller that left, a source
 * that broke. Stores throw MediaErrors for what their backends do; what is none comes from the caller.
 */
export function isBackendFailure(error: unknown): error is MediaError {
  return isMediaError(error, 'MEDIA_UNAVAILABLE') || isMediaError(error, 'MEDIA_TIMEOUT')
}

/** A source that remembers its streams, to tell afterwards whose fault a failed put was. */
export interface BlamedSource {
  readonly source: ByteSource
  /** The source itself failed, or had not given everything when the time was over. */
  isToBlame(error: unknown): boolean
}

export function blamedSource(inner: ByteSource): BlamedSource {
  const streams: Readable[] = []
  let isGiven = inner.bytes !== undefined
  return {
    source: {
      sizeBytes: inner.sizeBytes,
      ...(inner.digest === undefined ? {} : { digest: inner.digest }),
      ...(inner.bytes === undefined ? {} : { bytes: inner.bytes }),
      open(options) {
        const stream = inner.open(options)
        streams.push(stream)
        stream.once('end', () => {
          isGiven = true
        })
        return stream
      },
    },
    isToBlame(error) {
      if (isMediaError(error, 'MEDIA_TIMEOUT') && !isGiven) return true
      return streams.some(({ errored }) => {
        if (errored === null) return false
        return errored === error || (isMediaError(errored) && isMediaError(error) && error.cause === errored)
      })
    },
  }
}
