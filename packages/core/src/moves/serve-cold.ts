import { Readable } from 'node:stream'
import { rangeBytes } from '../bytes/range.ts'
import { isUnchanged, objectChanged } from '../cas/external-object.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ContentRecord } from '../contracts/catalog.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { Load } from './loads.ts'

/**
 * A stream over a load that is under way; where the load ends early, the rest comes from the placement itself. What is given is to be
 * verified by the caller.
 * @returns `undefined` where the load cannot be followed
 */
export function followLoad(
  load: Load,
  { placement, volume }: ReachablePlacement,
  range: ByteRange,
  signal: AbortSignal | undefined,
): Readable | undefined {
  const followed = load.follow(range, signal)
  if (followed === undefined) return undefined
  async function* bytes(following: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let position = range.start
    try {
      for await (const block of following) {
        position += block.byteLength
        yield block
      }
      return
    } catch (error) {
      if (!isMediaError(error, 'MEDIA_UNAVAILABLE') || error.reason !== 'load-ended') throw error
    }
    const reader = await volume.store.get(placement.key, {
      range: { start: position, endExclusive: range.endExclusive },
      ...(signal === undefined ? {} : { signal }),
    })
    if (!placement.owned && (reader === undefined || !isUnchanged(reader.head, placement))) {
      await reader?.[Symbol.asyncDispose]()
      throw objectChanged(placement)
    }
    if (reader === undefined)
      throw new MediaError('MEDIA_UNAVAILABLE', `${volume.store.name} has the object no more`, {
        reason: 'load-ended',
      })
    try {
      for await (const chunk of reader.stream() as AsyncIterable<Buffer>) yield chunk
    } finally {
      await reader[Symbol.asyncDispose]()
    }
  }
  return Readable.from(bytes(followed), { objectMode: false })
}

/** Whether a read of this range is one of the whole, which a load makes anyway. */
export function isWhole(range: ByteRange, { sizeBytes }: Pick<ContentRecord, 'sizeBytes'>): boolean {
  return rangeBytes(range) === sizeBytes
}
