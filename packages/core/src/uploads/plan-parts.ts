import type { ObjectStore } from '../contracts/object-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { DIRECT_PART_BYTES, DIRECT_PARTS_FROM_BYTES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import type { DirectPartsData } from './upload-data.ts'

const MiB = 1024 * 1024

/**
 * Whether the body goes in parts, and of what length.
 * @throws MediaError MEDIA_BAD_INPUT `bad-size`, `bad-part-size`; MEDIA_TOO_LARGE `too-many-parts`
 */
export function planParts(
  { directParts, traits }: ObjectStore,
  { parts, partBytes, sizeBytes }: Pick<CreateUpload, 'parts' | 'partBytes' | 'sizeBytes'>,
): DirectPartsData | undefined {
  const isLarge = sizeBytes !== undefined && sizeBytes >= DIRECT_PARTS_FROM_BYTES
  if (directParts === undefined || parts === 'none' || (parts === undefined && !isLarge)) return undefined
  if (parts === 'any') return {}
  if (sizeBytes === undefined) throw bad('bad-size', 'parts of one length need the length of the whole')
  const { maxParts, maxPartBytes } = directParts
  const wanted = Math.max(partBytes ?? DIRECT_PART_BYTES, traits.minPartBytes)
  // Larger parts rather than a refusal, in whole mebibytes.
  const chosen = wanted * maxParts >= sizeBytes ? wanted : Math.ceil(sizeBytes / maxParts / MiB) * MiB
  const isGood =
    partBytes === undefined ||
    (Number.isSafeInteger(partBytes) && partBytes >= traits.minPartBytes && partBytes <= maxPartBytes)
  if (!isGood) throw bad('bad-part-size', `a part has ${traits.minPartBytes} to ${maxPartBytes} bytes`)
  if (chosen <= maxPartBytes) return { partBytes: chosen }
  throw new MediaError('MEDIA_TOO_LARGE', 'the body has more parts than the bucket takes', {
    reason: 'too-many-parts',
  })
}

function bad(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
