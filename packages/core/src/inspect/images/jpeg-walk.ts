import type { ByteWindow } from '../byte-window.ts'
import type { InspectLimits } from '../limits.ts'
import { doubtful, invalid } from '../refusals.ts'
import { type Exif, readExifBlock } from './exif.ts'
import type { MetadataMeter } from './metadata.ts'
import { checkPixels, type Pixels } from './pixels.ts'

/** Encoders write about ten; each costs a decoder a walk through all blocks of the image. */
const MAX_SCANS = 100
const PHAR = '__HALT_COMPILER'

const START_OF_SCAN = 0xda
const END_OF_IMAGE = 0xd9
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)
const isForPrograms = (marker: number): boolean => (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe

export interface WalkedJpeg extends Pixels {
  /** The first byte behind its end. */
  readonly end: number
  readonly exif: Exif
}

/**
 * Walks through the segments of the JPEG that begins at `start`, past its scans, to its end.
 * @throws MediaError MEDIA_INVALID, or MEDIA_TYPE_REFUSED when there is no image.
 * @see ITU-T T.81, annex B
 */
export async function walkJpeg(
  window: ByteWindow,
  start: number,
  limits: InspectLimits,
  meter: MetadataMeter,
): Promise<WalkedJpeg> {
  let at = start + 2
  let pixels: Pixels | undefined
  let exif: Exif = {}
  let scans = 0
  for (;;) {
    window.step()
    const head = await window.read(at, 4)
    if (head[0] !== 0xff || head.length < 2)
      throw at === start + 2 ? headerOnly() : invalid('invalid-image', 'JPEG: it ends before its end')
    const marker = head[1] ?? 0
    if (marker === 0xff) {
      at += 1
      continue
    }
    if (standsAlone(marker)) {
      at += 2
      continue
    }
    if (marker === END_OF_IMAGE) {
      if (pixels === undefined || scans === 0) throw headerOnly()
      return { ...pixels, end: at + 2, exif }
    }
    const length = head.length < 4 ? 0 : head.readUInt16BE(2)
    if (length < 2 || at + 2 + length > window.sizeBytes) {
      if (pixels === undefined) throw headerOnly()
      throw invalid('invalid-image', 'JPEG: a segment does not fit into the file')
    }
    if (isFrame(marker)) {
      if (pixels !== undefined) throw invalid('invalid-image', 'JPEG: two frames in one image')
      const frame = await window.read(at + 4, 6)
      if (length < 8) throw invalid('invalid-image', 'JPEG: a frame without its sizes')
      pixels = { height: frame.readUInt16BE(1), width: frame.readUInt16BE(3) }
      checkPixels(pixels, limits)
    } else if (isForPrograms(marker)) {
      const body = await window.read(at + 4, length - 2)
      if (body.includes(PHAR)) throw doubtful('polyglot', 'JPEG: it is a PHP archive as well')
      if (marker === 0xe1 && body.toString('latin1', 0, 6) === 'Exif\0\0') {
        meter.exif(body.length)
        exif = { ...(await readExifBlock(body)), ...exif }
      }
      if (marker === 0xe2 && body.toString('latin1', 0, 12) === 'ICC_PROFILE\0') meter.profile(body.length)
    }
    at += 2 + length
    if (marker !== START_OF_SCAN) continue
    scans += 1
    if (pixels === undefined) throw headerOnly()
    if (scans > MAX_SCANS) throw invalid('invalid-image', `JPEG: more than ${MAX_SCANS} scans`)
    at = await afterScan(window, at)
  }
}

/** The next marker that is no part of the scan's data. */
async function afterScan(window: ByteWindow, start: number): Promise<number> {
  let at = start
  for (;;) {
    window.step()
    const bytes = await window.scan(at)
    if (bytes.length < 2) throw invalid('invalid-image', 'JPEG: it ends within its data')
    let offset = 0
    for (;;) {
      const found = bytes.indexOf(0xff, offset)
      if (found < 0) {
        at += bytes.length
        break
      }
      const next = bytes[found + 1]
      if (next === undefined) {
        // The two bytes lie in two blocks: bring them together.
        if (found === 0 || (await window.read(at + found, 2)).length < 2)
          throw invalid('invalid-image', 'JPEG: it ends within its data')
        at += found
        break
      }
      if (next !== 0x00 && next !== 0xff && !standsAlone(next)) return at + found
      offset = found + (next === 0xff ? 1 : 2)
    }
  }
}

function headerOnly(): Error {
  return doubtful('header-only', 'JPEG: behind its first bytes there is no image')
}
