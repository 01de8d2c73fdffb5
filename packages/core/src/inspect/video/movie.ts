import type { ByteWindow } from '../byte-window.ts'
import { captureTimeAt } from '../capture-time.ts'
import type { InspectLimits } from '../limits.ts'
import { orientationOf } from '../orientation.ts'
import { invalid } from '../refusals.ts'
import { type Box, eachBox } from './boxes.ts'

/** Films have a handful: pictures, languages, subtitles, chapters. */
export const MAX_TRACKS = 64
const MAX_REFERENCES = 64
/** Times of movies are counted from 1904. */
const SECONDS_TO_1970 = 2_082_844_800

/** What a `moov` box says. Sizes are of the first track of pictures, as it is shown. */
export interface Movie {
  readonly durationMs: number | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  /** As EXIF counts, of the same track; `undefined` when it is turned in a way that EXIF has no number for. */
  readonly orientation: number | undefined
  readonly captureTime: string | undefined
  /** Most pictures of one track. */
  readonly frames: number
  /** The largest picture that any track shows, or says that it stores: a decoder makes room for that. */
  readonly pixels: number
}

interface Track {
  isPictures: boolean
  width: number
  height: number
  orientation: number | undefined
  samples: number
  /** Of the largest picture by the descriptions of its samples. */
  storedPixels: number
}

/**
 * Reads the headers of a movie. Tables of samples are stepped over, whatever their length.
 * @throws MediaError MEDIA_INVALID `external-reference` when its data lie in another file, `too-many-tracks`, `invalid-media`.
 * @see ISO/IEC 14496-12, section 8; QuickTime File Format, "Movie atoms"
 */
export async function readMovie(window: ByteWindow, moov: Box, limits: InspectLimits): Promise<Movie> {
  let durationMs: number | undefined
  let captureTime: string | undefined
  let fragmentsLength: number | undefined
  let timescale = 0
  const tracks: Track[] = []
  await eachBox(window, moov.body, moov.end, async (box) => {
    switch (box.type) {
      case 'mvhd': {
        const time = await readTime(window, box)
        timescale = time.timescale
        durationMs = time.durationMs
        captureTime = time.captureTime
        break
      }
      case 'mvex':
        await eachBox(window, box.body, box.end, async (child) => {
          if (child.type !== 'mehd') return undefined
          const bytes = await window.read(child.body, 12)
          if (bytes.length < 12) return undefined
          const length = bytes[0] === 1 ? Number(bytes.readBigUInt64BE(4)) : bytes.readUInt32BE(4)
          fragmentsLength = length
          return undefined
        })
        break
      case 'trak':
        if (tracks.length >= MAX_TRACKS) throw invalid('too-many-tracks', `more than ${MAX_TRACKS} tracks`)
        tracks.push(await readTrack(window, box))
        break
      case 'rmra':
        throw external()
      case 'cmov':
        throw invalid('invalid-media', 'its header is compressed, which nobody has written for decades')
      default:
    }
    return undefined
  })
  if (timescale > 0 && (durationMs ?? 0) === 0 && fragmentsLength !== undefined)
    durationMs = (fragmentsLength * 1000) / timescale
  const shown = tracks.find((track) => track.isPictures && track.width > 0 && track.height > 0)
  const pixels = tracks.reduce(
    (most, { isPictures, width, height, storedPixels }) =>
      isPictures ? Math.max(most, width * height, storedPixels) : most,
    0,
  )
  if (pixels > limits.maxPixels)
    throw invalid('image-too-large', `a picture of ${pixels} pixels is over ${limits.maxPixels}`)
  return {
    durationMs,
    width: shown?.width,
    height: shown?.height,
    orientation: shown?.orientation,
    captureTime,
    frames: tracks.reduce((most, track) => (track.isPictures ? Math.max(most, track.samples) : most), 0),
    pixels,
  }
}

function external(): Error {
  return invalid('external-reference', 'its data lie in another file')
}

interface MovieTime {
  readonly timescale: number
  readonly durationMs: number | undefined
  readonly captureTime: string | undefined
}

async function readTime(window: ByteWindow, box: Box): Promise<MovieTime> {
  const bytes = await window.read(box.body, 32)
  const isLong = bytes[0] === 1
  if (bytes.length < (isLong ? 32 : 20)) throw invalid('invalid-media', 'its header is cut off')
  const timescale = bytes.readUInt32BE(isLong ? 20 : 12)
  if (timescale === 0) throw invalid('invalid-media', 'a second has no parts')
  const madeAt = isLong ? Number(bytes.readBigUInt64BE(4)) : bytes.readUInt32BE(4)
  const captureTime = captureTimeAt((madeAt - SECONDS_TO_1970) * 1000)
  const length = isLong ? bytes.readBigUInt64BE(24) : BigInt(bytes.readUInt32BE(16))
  const isUnknown = length === (isLong ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn)
  return {
    timescale,
    durationMs: isUnknown ? undefined : (Number(length) * 1000) / timescale,
    captureTime,
  }
}

async function readTrack(window: ByteWindow, trak: Box): Promise<Track> {
  const track: Track = {
    isPictures: false,
    width: 0,
    height: 0,
    orientation: undefined,
    samples: 0,
    storedPixels: 0,
  }
  const inside = async (box: Box): Promise<undefined> => {
    switch (box.type) {
      case 'mdia':
      case 'minf':
      case 'dinf':
      case 'stbl':
        await eachBox(window, box.body, box.end, inside)
        break
      case 'tkhd':
        Object.assign(track, await shownSize(window, box))
        break
      case 'hdlr': {
        const kind = (await window.read(box.body + 8, 4)).toString('latin1')
        if (kind === 'vide' || kind === 'pict' || kind === 'auxv') track.isPictures = true
        break
      }
      case 'stsz': {
        const bytes = await window.read(box.body, 12)
        if (bytes.length === 12) track.samples = bytes.readUInt32BE(8)
        break
      }
      case 'stsd':
        track.storedPixels = Math.max(track.storedPixels, await storedPixels(window, box))
        break
      case 'dref':
        await checkReferences(window, box)
        break
      default:
    }
    return undefined
  }
  await eachBox(window, trak.body, trak.end, inside)
  return track
}

/** Of the largest picture that samples are described by; of other samples a number that nobody uses. */
async function storedPixels(window: ByteWindow, stsd: Box): Promise<number> {
  let most = 0
  await eachBox(window, stsd.body + 8, stsd.end, async (entry) => {
    const size = await window.read(entry.body + 24, 4)
    if (size.length === 4) most = Math.max(most, size.readUInt16BE(0) * size.readUInt16BE(2))
    return undefined
  })
  return most
}

/** Width and height, turned as the matrix of the track says. */
async function shownSize(
  window: ByteWindow,
  box: Box,
): Promise<Pick<Track, 'width' | 'height' | 'orientation'>> {
  const matrix = (await window.read(box.body, 1))[0] === 1 ? 52 : 40
  const bytes = await window.read(box.body + matrix, 44)
  if (bytes.length < 44) return { width: 0, height: 0, orientation: undefined }
  const [width, height] = [bytes.readUInt32BE(36) >>> 16, bytes.readUInt32BE(40) >>> 16]
  const [a, b, c, d] = [
    bytes.readInt32BE(0),
    bytes.readInt32BE(4),
    bytes.readInt32BE(12),
    bytes.readInt32BE(16),
  ]
  const orientation = orientationOfMatrix(a, b, c, d)
  const isOnItsSide = a === 0 && d === 0 && b !== 0
  return isOnItsSide ? { width: height, height: width, orientation } : { width, height, orientation }
}

/** Of a matrix that turns by quarters and mirrors; scales do not matter. */
function orientationOfMatrix(a: number, b: number, c: number, d: number): number | undefined {
  const isUpright = b === 0 && c === 0 && a !== 0 && d !== 0
  const isOnItsSide = a === 0 && d === 0 && b !== 0 && c !== 0
  if (!isUpright && !isOnItsSide) return undefined
  const isMirrored = isUpright ? a > 0 !== d > 0 : b > 0 === c > 0
  const quarters = isUpright ? (d > 0 ? 0 : 2) : c < 0 ? 1 : 3
  return orientationOf([
    ...(isMirrored ? [{ kind: 'mirror', exchanges: 'left-right' } as const] : []),
    { kind: 'right', quarters },
  ])
}

/** Each entry must say that its data are in this file. */
async function checkReferences(window: ByteWindow, dref: Box): Promise<void> {
  let references = 0
  await eachBox(window, dref.body + 8, dref.end, async (entry) => {
    references += 1
    const flags = await window.read(entry.body, 4)
    if (references > MAX_REFERENCES || flags.length < 4 || ((flags[3] ?? 0) & 1) === 0) throw external()
    return undefined
  })
}
