import type { MediaFacts } from '../../contracts/media.ts'
import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { type Inspection, orNothing } from '../inspection.ts'
import { doubtful } from '../refusals.ts'
import { type Box, eachBox } from '../video/boxes.ts'
import { type Exif, imageFacts, readBoxedExif } from './exif.ts'
import { checkPixels, type Pixels } from './pixels.ts'

/** More than the sizes and the orientation take. */
const HEADER_BYTES = 24
/** Width for each pixel of height, by the number that stands for it. */
const RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
]
/** Bits of a size by its selector. */
const SIZE_BITS = [9, 13, 18, 30]

/** JPEG XL by the header of its codestream, which may lie in boxes, also cut in pieces. Frames are not counted. @see ISO/IEC 18181-1, annex D; 18181-2 */
export async function lookAtJxl({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, HEADER_BYTES)
  const { start, exif } = isCodestream(head) ? { start: head } : await unpack(window)
  const image = start === undefined ? undefined : readHeader(start)
  if (image === undefined) throw doubtful('header-only', 'JPEG XL: behind its first bytes there is no image')
  checkPixels(image, limits)
  const taken = exif === undefined ? undefined : await orNothing(readExifBox(window, exif))
  return imageFacts(image, { ...taken, orientation: image.orientation })
}

const isCodestream = (bytes: Buffer): boolean => bytes[0] === 0xff && bytes[1] === 0x0a

/** The beginning of the codestream, and the box with EXIF, of a file of boxes. */
async function unpack(
  window: ByteWindow,
): Promise<{ readonly start: Buffer | undefined; readonly exif: Box | undefined }> {
  const pieces: Buffer[] = []
  let length = 0
  let exif: Box | undefined
  await eachBox(window, 0, window.sizeBytes, async (box) => {
    if (box.type === 'Exif') exif ??= box
    if ((box.type !== 'jxlc' && box.type !== 'jxlp') || length >= HEADER_BYTES) return undefined
    // A piece begins with its number.
    const body = box.type === 'jxlp' ? box.body + 4 : box.body
    if (body >= box.end) return undefined
    const piece = Buffer.from(await window.read(body, Math.min(HEADER_BYTES, box.end - body)))
    pieces.push(piece)
    length += piece.length
    return undefined
  })
  const start = Buffer.concat(pieces)
  return { start: isCodestream(start) ? start : undefined, exif }
}

async function readExifBox(window: ByteWindow, { body, end }: Box): Promise<Exif> {
  const bytes = await window.read(body, Math.min(end - body, MAX_WINDOW_READ_BYTES))
  return await readBoxedExif(bytes)
}

/** Stored sizes and orientation; `undefined` when the header is cut off. */
function readHeader(bytes: Buffer): (Pixels & { readonly orientation: number }) | undefined {
  let at = 16
  const bits = (count: number): number => {
    let value = 0
    for (let bit = 0; bit < count; bit++, at++)
      value += (((bytes[at >>> 3] ?? 0) >>> (at & 7)) & 1) * 2 ** bit
    return value
  }
  const isSmall = bits(1) === 1
  const size = (): number => (isSmall ? 8 * (bits(5) + 1) : bits(SIZE_BITS[bits(2)] ?? 0) + 1)
  const height = size()
  const [over, under] = RATIOS[bits(3) - 1] ?? [0, 1]
  const width = over === 0 ? size() : Math.floor((height * over) / under)
  if (at > bytes.length * 8) return undefined
  // Not all as usual, and fields beyond the usual ones: then the orientation is told.
  const isTurned = bits(1) === 0 && bits(1) === 1
  return { width, height, orientation: isTurned ? bits(3) + 1 : 1 }
}
