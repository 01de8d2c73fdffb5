import type { InspectLimits } from '../limits.ts'
import { invalid } from '../refusals.ts'

/** Size of an image in pixels. */
export interface Pixels {
  readonly width: number
  readonly height: number
}

/** @throws MediaError MEDIA_INVALID `invalid-image` for no pixels, `image-too-large` for too many. */
export function checkPixels({ width, height }: Pixels, limits: InspectLimits): void {
  if (!(width > 0 && height > 0)) throw invalid('invalid-image', `an image of ${width} x ${height} pixels`)
  if (width * height > limits.maxPixels)
    throw invalid('image-too-large', `${width} x ${height} is over ${limits.maxPixels} pixels`)
}

/** @throws MediaError MEDIA_INVALID `too-many-frames`, or `image-too-large` for what all of them take. */
export function checkFrames(frames: number, totalPixels: number, limits: InspectLimits): void {
  if (frames > limits.maxFrames)
    throw invalid('too-many-frames', `more than ${limits.maxFrames} frames or pages`)
  if (totalPixels > limits.maxTotalPixels)
    throw invalid('image-too-large', `all frames together are over ${limits.maxTotalPixels} pixels`)
}

/** EXIF orientations 5 to 8 lie on their side. */
export function upright({ width, height }: Pixels, orientation: number | undefined): Pixels {
  const isOnItsSide = orientation !== undefined && orientation >= 5 && orientation <= 8
  return isOnItsSide ? { width: height, height: width } : { width, height }
}

/** The one of the most pixels. */
export function largestOf(sizes: readonly Pixels[]): Pixels | undefined {
  return sizes.toSorted((a, b) => b.width * b.height - a.width * a.height)[0]
}
