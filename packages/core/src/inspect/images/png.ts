import type { MediaFacts } from '../../contracts/media.ts'
import { MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { type Exif, imageFacts, readExifBlock } from './exif.ts'
import { createMetadataMeter, MAX_PROFILE_BYTES } from './metadata.ts'
import { checkFrames, checkPixels, type Pixels } from './pixels.ts'
import { checkTail } from './tail.ts'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** Bit depths of each colour type, and its channels. */
const COLOURS = new Map<number, { readonly depths: readonly number[]; readonly channels: number }>([
  [0, { depths: [1, 2, 4, 8, 16], channels: 1 }],
  [2, { depths: [8, 16], channels: 3 }],
  [3, { depths: [1, 2, 4, 8], channels: 1 }],
  [4, { depths: [8, 16], channels: 2 }],
  [6, { depths: [8, 16], channels: 4 }],
])
/** Deflate makes at most 1,032 bytes of one. */
const MAX_DEFLATE_RATIO = 1_032

interface Header extends Pixels {
  /** Bytes of all rows, unpacked. */
  readonly rawBytes: number
}

/**
 * PNG and APNG by their chunks: no pixel is unpacked. What is too little to hold the rows that the header claims is a lie.
 * @see PNG (Third Edition), sections 5 and 11
 */
export async function lookAtPng({ window, limits }: Inspection): Promise<MediaFacts> {
  const header = await readHeader(window)
  checkPixels(header, limits)
  const meter = createMetadataMeter()
  let at = SIGNATURE.length + 25
  let dataBytes = 0
  let frames = 0
  let exif: Exif = {}
  for (;;) {
    window.step()
    const head = await window.read(at, 8)
    if (head.length < 8) throw invalid('invalid-image', 'PNG: it ends before its end')
    const length = head.readUInt32BE(0)
    const type = head.toString('latin1', 4, 8)
    const end = at + 12 + length
    if (!/^[A-Za-z]{4}$/.test(type) || end > window.sizeBytes)
      throw invalid('invalid-image', 'PNG: a chunk does not fit into the file')
    const body = (most: number): Promise<Buffer> => readAll(window, at + 8, Math.min(length, most))
    switch (type) {
      case 'IDAT':
        dataBytes += length
        break
      case 'acTL':
        checkFrames((await body(8)).readUInt32BE(0), 0, limits)
        break
      case 'fcTL':
        frames += 1
        checkFrames(frames, frames * header.width * header.height, limits)
        break
      case 'iCCP':
        meter.profile(length)
        meter.inflate(afterName(await body(MAX_PROFILE_BYTES)))
        break
      case 'zTXt':
        meter.profile(length)
        meter.inflate(afterName(await body(MAX_PROFILE_BYTES)))
        break
      case 'iTXt': {
        const text = await body(MAX_PROFILE_BYTES)
        const packed = packedText(text)
        if (packed === undefined) break
        meter.profile(length)
        meter.inflate(packed)
        break
      }
      case 'eXIf':
        meter.exif(length)
        exif = await readExifBlock(await body(MAX_WINDOW_READ_BYTES))
        break
      case 'IEND':
        if (header.rawBytes > dataBytes * MAX_DEFLATE_RATIO)
          throw invalid('invalid-image', 'PNG: its data cannot hold the rows that its header claims')
        await checkTail(window, end, limits)
        return imageFacts(header, exif)
      default:
    }
    at = end
  }
}

async function readHeader(window: Inspection['window']): Promise<Header> {
  const head = await window.read(0, 33)
  if (
    head.length < 33 ||
    !head.subarray(0, 8).equals(SIGNATURE) ||
    head.toString('latin1', 12, 16) !== 'IHDR'
  )
    throw doubtful('header-only', 'PNG: behind its first bytes there is no image')
  const [width, height] = [head.readUInt32BE(16), head.readUInt32BE(20)]
  const depth = head.readUInt8(24)
  const colour = COLOURS.get(head.readUInt8(25))
  if (head.readUInt32BE(8) !== 13 || colour === undefined || !colour.depths.includes(depth))
    throw invalid('invalid-image', 'PNG: no such kind of pixels')
  return { width, height, rawBytes: height * (1 + Math.ceil((width * depth * colour.channels) / 8)) }
}

async function readAll(window: Inspection['window'], start: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let at = start; at < start + length; at += MAX_WINDOW_READ_BYTES)
    parts.push(await window.read(at, Math.min(MAX_WINDOW_READ_BYTES, start + length - at)))
  return Buffer.concat(parts)
}

/** What is compressed in a chunk that begins with a name, a zero and the method. */
function afterName(chunk: Buffer): Buffer {
  const zero = chunk.subarray(0, 80).indexOf(0)
  if (zero < 1 || chunk[zero + 1] !== 0) throw invalid('invalid-image', 'PNG: a named chunk has no name')
  return chunk.subarray(zero + 2)
}

/** The compressed text of an `iTXt` chunk; `undefined` when it is not compressed. */
function packedText(chunk: Buffer): Buffer | undefined {
  const zero = chunk.subarray(0, 80).indexOf(0)
  if (zero < 1) throw invalid('invalid-image', 'PNG: a named chunk has no name')
  if (chunk[zero + 1] !== 1) return undefined
  const language = chunk.indexOf(0, zero + 3)
  const translated = language < 0 ? -1 : chunk.indexOf(0, language + 1)
  if (translated < 0) throw invalid('invalid-image', 'PNG: a text has no end of its names')
  return chunk.subarray(translated + 1)
}
