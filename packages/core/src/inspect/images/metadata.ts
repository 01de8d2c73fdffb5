import { inflateSync } from 'node:zlib'
import { invalid } from '../refusals.ts'

/** Largest colour profile: those of printers have up to 3 MB. */
export const MAX_PROFILE_BYTES = 4_194_304
/** Largest EXIF block. In JPEG, where cameras write it, it has 64 KB at most. */
export const MAX_EXIF_BYTES = 524_288
/** What compressed text and profiles of one image may take unpacked, together. */
const MAX_INFLATED_BYTES = 8_388_608

/** What an image carries besides its pixels, bounded. */
export interface MetadataMeter {
  profile(bytes: number): void
  exif(bytes: number): void
  /** Unpacks to count: what is small here may be huge for who reads it. */
  inflate(packed: Uint8Array): void
}

/** @throws (of its members) MediaError MEDIA_INVALID `metadata-too-large` or `invalid-image`. */
export function createMetadataMeter(): MetadataMeter {
  let profileBytes = 0
  let exifBytes = 0
  let inflatedBytes = 0
  return {
    profile(bytes) {
      profileBytes += bytes
      if (profileBytes > MAX_PROFILE_BYTES)
        throw invalid('metadata-too-large', `a colour profile of more than ${MAX_PROFILE_BYTES} bytes`)
    },
    exif(bytes) {
      exifBytes += bytes
      if (exifBytes > MAX_EXIF_BYTES)
        throw invalid('metadata-too-large', `EXIF of more than ${MAX_EXIF_BYTES} bytes`)
    },
    inflate(packed) {
      try {
        inflatedBytes += inflateSync(packed, {
          maxOutputLength: MAX_INFLATED_BYTES + 1 - inflatedBytes,
        }).length
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE')
          throw invalid('invalid-image', 'compressed metadata is broken', error)
        inflatedBytes = MAX_INFLATED_BYTES + 1
      }
      if (inflatedBytes > MAX_INFLATED_BYTES)
        throw invalid('metadata-too-large', `metadata that unpack to more than ${MAX_INFLATED_BYTES} bytes`)
    },
  }
}
