import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import { factsOf, type Inspection } from '../inspection.ts'
import { doubtful } from '../refusals.ts'
import { type MpegFrame, mpegFrameAt } from './mpeg-frame.ts'

/** How far behind its tags the first frame may be: encoders and cutters leave some junk there. */
const SEARCH_BYTES = 65_536

/** MPEG audio: its first two frames, and the count of frames that encoders leave in the first; else by its bit rate. */
export async function lookAtMp3({ window }: Inspection): Promise<MediaFacts> {
  const begin = await pastTags(window)
  const bytes = await window.read(begin, SEARCH_BYTES)
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const frame = mpegFrameAt(bytes, at)
    if (frame === undefined) continue
    const isLast = begin + at + frame.bytes >= window.sizeBytes
    if (!isLast && at + frame.bytes + 4 <= bytes.length && mpegFrameAt(bytes, at + frame.bytes) === undefined)
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

/** Of a variable bit rate; `undefined` where nobody counted. */
function countedFrames(bytes: Buffer, { infoAt }: MpegFrame): number | undefined {
  const mark = bytes.toString('latin1', infoAt, infoAt + 4)
  if ((mark === 'Xing' || mark === 'Info') && bytes.length >= infoAt + 12)
    return (bytes.readUInt32BE(infoAt + 4) & 1) === 1 ? bytes.readUInt32BE(infoAt + 8) : undefined
  if (bytes.toString('latin1', 36, 40) === 'VBRI' && bytes.length >= 54) return bytes.readUInt32BE(50)
  return undefined
}
