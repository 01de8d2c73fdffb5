import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful } from '../refusals.ts'
import { eachBox } from '../video/boxes.ts'
import { checkPixels, largestOf, type Pixels } from './pixels.ts'

/**
 * JPEG 2000, as a codestream or in boxes: what it says of its size in its boxes and in each codestream, of which the largest counts,
 * because decoders believe the one or the other. Pages of JPM need not have either. @see ISO/IEC 15444-1, A.5.1 and I.5.3
 */
export async function lookAtJpeg2000({ window, contentType, limits }: Inspection): Promise<MediaFacts> {
  const size =
    contentType === 'image/j2c'
      ? await codestreamSize(window, 0)
      : await jpeg2000Size(window, 0, window.sizeBytes)
  if (size === undefined) {
    if (contentType === 'image/jpm') return {}
    throw doubtful('header-only', 'JPEG 2000: behind its first bytes there is no image')
  }
  checkPixels(size, limits)
  return { width: size.width, height: size.height }
}

/** The largest of what the boxes between `start` and `end` say. */
export async function jpeg2000Size(
  window: ByteWindow,
  start: number,
  end: number,
): Promise<Pixels | undefined> {
  const sizes: Pixels[] = []
  await eachBox(window, start, end, async (box) => {
    if (box.type === 'jp2h') sizes.push(...(await headerSizes(window, box.body, box.end)))
    if (box.type === 'jp2c') {
      const size = await codestreamSize(window, box.body)
      if (size !== undefined) sizes.push(size)
    }
    return undefined
  })
  return largestOf(sizes)
}

async function headerSizes(window: ByteWindow, start: number, end: number): Promise<readonly Pixels[]> {
  const sizes: Pixels[] = []
  await eachBox(window, start, end, async (box) => {
    if (box.type !== 'ihdr') return undefined
    const body = await window.read(box.body, 8)
    if (body.length === 8) sizes.push({ height: body.readUInt32BE(0), width: body.readUInt32BE(4) })
    return undefined
  })
  return sizes
}

/** SIZ follows the start of a codestream at once: where the image ends on the grid, and where it begins. */
async function codestreamSize(window: ByteWindow, at: number): Promise<Pixels | undefined> {
  const head = await window.read(at, 24)
  if (head.length < 24 || head.readUInt32BE(0) !== 0xff4fff51) return undefined
  return {
    width: head.readUInt32BE(8) - head.readUInt32BE(16),
    height: head.readUInt32BE(12) - head.readUInt32BE(20),
  }
}
