import { isMediaError } from '../errors/media-error.ts'
import { decideType } from '../validation/decide-type.ts'
import { SNIFF_BYTES, sniff } from '../validation/sniff.ts'
import { rejectHeld } from './complete.ts'
import type { UploadContext } from './context.ts'
import { requestOf } from './create.ts'
import type { Hold } from './hold.ts'

/** Tells the type of an upload by its first bytes while they come, so that what is refused is not sent to its end. */
export interface FirstBytes {
  /** Whether the upload was rejected. */
  isRejected(): boolean
  /** Before the bytes are written. @throws MediaError MEDIA_TYPE_REFUSED; the upload is rejected then */
  take(chunk: Uint8Array): Promise<void>
  /** No more come now. `isWhole`: they are the whole body. @throws as `take` */
  end(isWhole: boolean): Promise<void>
}

/** @param counts whether what comes are the first bytes of a media; else nothing is looked at */
export function createFirstBytes(context: UploadContext, hold: Hold, counts: boolean): FirstBytes {
  let first: Buffer[] | undefined = counts ? [] : undefined
  let isRejected = false

  const decide = async (bytes: Buffer, isWhole: boolean): Promise<void> => {
    first = undefined
    const { declaredType, filename } = requestOf(hold)
    try {
      decideType({ sniffed: await sniff(bytes, isWhole), declared: declaredType, filename }, context.policies)
    } catch (error) {
      if (isMediaError(error, 'MEDIA_TYPE_REFUSED')) {
        isRejected = true
        await rejectHeld(context, hold, error, { receivedBytes: bytes.byteLength })
      }
      throw error
    }
  }
  return {
    isRejected: () => isRejected,
    async take(chunk) {
      if (first === undefined) return
      first.push(Buffer.from(chunk.subarray(0, SNIFF_BYTES)))
      const bytes = Buffer.concat(first)
      if (bytes.byteLength >= SNIFF_BYTES) await decide(bytes, false)
    },
    async end(isWhole) {
      if (first !== undefined) await decide(Buffer.concat(first), isWhole)
    },
  }
}
