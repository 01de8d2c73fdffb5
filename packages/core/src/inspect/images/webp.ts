import type { MediaFacts } from '../../contracts/media.ts'
import { MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { type Exif, imageFacts, readExifBlock } from './exif.ts'
import { createMetadataMeter } from './metadata.ts'
import { checkFrames, checkPixels, type Pixels } from './pixels.ts'
import { checkTail } from './tail.ts'

/** WebP by its chunks; frames are counted, none is unpacked. @see RFC 9649 */
export async function lookAtWebp({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 12)
  if (head.length < 12) throw headerOnly()
  const end = 8 + head.readUInt32LE(4)
  if (end > window.sizeBytes) throw invalid('invalid-image', 'WebP: it ends before its end')
  const meter = createMetadataMeter()
  let canvas: Pixels | undefined
  let picture: Pixels | undefined
  let exif: Exif = {}
  let frames = 0
  let at = 12
  while (at + 8 <= end) {
    window.step()
    const chunk = await window.read(at, 24)
    const type = chunk.toString('latin1', 0, 4)
    const length = chunk.readUInt32LE(4)
    const next = at + 8 + length + (length % 2)
    if (!/^[A-Z0-9][A-Za-z0-9 ]{3}$/.test(type) || at + 8 + length > end) {
      if (picture === undefined && frames === 0) throw headerOnly()
      throw invalid('invalid-image', 'WebP: a chunk does not fit into the file')
    }
    switch (type) {
      case 'VP8X':
        if (length < 10) throw invalid('invalid-image', 'WebP: a canvas without its sizes')
        canvas = { width: 1 + chunk.readUIntLE(12, 3), height: 1 + chunk.readUIntLE(15, 3) }
        checkPixels(canvas, limits)
        break
      case 'VP8 ':
      case 'VP8L':
        picture = type === 'VP8 ' ? lossy(chunk, length) : lossless(chunk, length)
        checkPixels(picture, limits)
        break
      case 'ANMF': {
        frames += 1
        if (canvas === undefined || length < 24)
          throw invalid('invalid-image', 'WebP: a frame without a canvas')
        checkFrames(frames, frames * canvas.width * canvas.height, limits)
        break
      }
      case 'ICCP':
        meter.profile(length)
        break
      case 'EXIF':
        meter.exif(length)
        // Some writers keep the mark that EXIF has in JPEG.
        exif = await readExifBlock(await window.read(at + 8, Math.min(length, MAX_WINDOW_READ_BYTES)))
        break
      default:
    }
    at = next
  }
  const image = canvas ?? picture
  if (image === undefined || (picture === undefined && frames === 0)) throw headerOnly()
  if (canvas !== undefined && picture !== undefined && frames === 0 && !isSame(canvas, picture))
    throw invalid('invalid-image', 'WebP: canvas and picture differ in size')
  await checkTail(window, end, limits)
  return imageFacts(image, exif)
}

function headerOnly(): Error {
  return doubtful('header-only', 'WebP: behind its first bytes there is no image')
}

const isSame = (a: Pixels, b: Pixels): boolean => a.width === b.width && a.height === b.height

function lossy(chunk: Buffer, length: number): Pixels {
  if (length < 10 || chunk.length < 18 || chunk.readUIntBE(11, 3) !== 0x9d012a)
    throw invalid('invalid-image', 'WebP: no key frame')
  return { width: chunk.readUInt16LE(14) & 0x3fff, height: chunk.readUInt16LE(16) & 0x3fff }
}

function lossless(chunk: Buffer, length: number): Pixels {
  if (length < 5 || chunk.length < 13 || chunk[8] !== 0x2f)
    throw invalid('invalid-image', 'WebP: no lossless picture')
  const bits = chunk.readUInt32LE(9)
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) }
}
