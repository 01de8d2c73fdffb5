import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import { factsOf, type Inspection } from '../inspection.ts'
import { doubtful } from '../refusals.ts'

/** How far behind its tags the first frame may be: encoders and cutters leave some junk there. */
const SEARCH_BYTES = 65_536

const V1_L3 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const V1_L2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
const V1_L1 = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448]
const V2_L1 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
const V2_L23 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const RATES = [44_100, 48_000, 32_000]

interface Frame {
  readonly bytes: number
  readonly samples: number
  readonly samplesPerSecond: number
  readonly bitsPerSecond: number
  /** Where encoders write how many frames there are. */
  readonly infoAt: number
}

/** MPEG audio: its first two frames, and the count of frames that encoders leave in the first; else by its bit rate. */
export async function lookAtMp3({ window }: Inspection): Promise<MediaFacts> {
  const begin = await pastTags(window)
  const bytes = await window.read(begin, SEARCH_BYTES)
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const frame = frameAt(bytes, at)
    if (frame === undefined) continue
    const isLast = begin + at + frame.bytes >= window.sizeBytes
    if (!isLast && at + frame.bytes + 4 <= bytes.length && frameAt(bytes, at + frame.bytes) === undefined)
      continue
    const counted = countedFrames(bytes.subarray(at), frame)
    const durationMs =
      counted === undefined
        ? ((window.sizeBytes - begin - at) * 8000) / frame.bitsPerSecond
        : (counted * frame.samples * 1000) / frame.samplesPerSecond
    return factsOf({ durationMs })
  }
  throw doubtful('header-only', 'MP3: behind its tags there is no sound')
}

async function pastTags(window: ByteWindow): Promise<number> {
  let at = 0
  for (;;) {
    window.step()
    const head = await window.read(at, 10)
    if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return at
    const size = [6, 7, 8, 9].reduce((sum, index) => sum * 128 + ((head[index] ?? 0) & 0x7f), 0)
    at += 10 + size + ((head[5] ?? 0) & 0x10 ? 10 : 0)
  }
}

function frameAt(bytes: Buffer, at: number): Frame | undefined {
  const word = bytes.readUInt32BE(at)
  if (word >>> 21 !== 0x7ff) return undefined
  const [version, layer] = [(word >>> 19) & 3, (word >>> 17) & 3]
  const [rate, bits] = [RATES[(word >>> 10) & 3], (word >>> 12) & 15]
  if (version === 1 || layer === 0 || rate === undefined || bits === 0 || bits === 15) return undefined
  const isFirst = version === 3
  const table = isFirst ? [V1_L3, V1_L2, V1_L1][layer - 1] : [V2_L23, V2_L23, V2_L1][layer - 1]
  const bitsPerSecond = (table?.[bits] ?? 0) * 1000
  const samplesPerSecond = isFirst ? rate : version === 2 ? rate / 2 : rate / 4
  const samples = layer === 3 ? 384 : layer === 2 || isFirst ? 1152 : 576
  const padding = (word >>> 9) & 1
  const length =
    layer === 3
      ? (Math.floor((12 * bitsPerSecond) / samplesPerSecond) + padding) * 4
      : Math.floor(((samples / 8) * bitsPerSecond) / samplesPerSecond) + padding
  const isMono = ((word >>> 6) & 3) === 3
  const infoAt = 4 + (isFirst ? (isMono ? 17 : 32) : isMono ? 9 : 17)
  return length < 4 ? undefined : { bytes: length, samples, samplesPerSecond, bitsPerSecond, infoAt }
}

/** Of a variable bit rate; `undefined` where nobody counted. */
function countedFrames(bytes: Buffer, { infoAt }: Frame): number | undefined {
  const mark = bytes.toString('latin1', infoAt, infoAt + 4)
  if ((mark === 'Xing' || mark === 'Info') && bytes.length >= infoAt + 12)
    return (bytes.readUInt32BE(infoAt + 4) & 1) === 1 ? bytes.readUInt32BE(infoAt + 8) : undefined
  if (bytes.toString('latin1', 36, 40) === 'VBRI' && bytes.length >= 54) return bytes.readUInt32BE(50)
  return undefined
}
