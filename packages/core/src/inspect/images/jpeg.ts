import type { MediaFacts } from '../../contracts/media.ts'
import type { Inspection } from '../inspection.ts'
import { imageFacts } from './exif.ts'
import { walkJpeg } from './jpeg-walk.ts'
import { createMetadataMeter } from './metadata.ts'
import { checkTail } from './tail.ts'

/** Trailers of makers of cameras that nobody describes are short. */
const MAX_RESIDUE_BYTES = 65_536

/** JPEG: the picture from its first byte to its end marker, and what stands behind it. */
export async function lookAtJpeg({ window, limits }: Inspection): Promise<MediaFacts> {
  const image = await walkJpeg(window, 0, limits, createMetadataMeter())
  await checkTail(window, image.end, limits, MAX_RESIDUE_BYTES)
  return imageFacts(image, image.exif)
}
