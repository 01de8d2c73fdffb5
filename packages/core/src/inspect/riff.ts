import type { MediaFacts } from '../contracts/media.ts'
import { checkPixels } from './images/pixels.ts'
import { factsOf, type Inspection } from './inspection.ts'
import { doubtful } from './refusals.ts'

/** AVI by its main header. @see AVI RIFF File Reference, "AVIMAINHEADER" */
export async function lookAtAvi({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 72)
  if (
    head.length < 72 ||
    head.toString('latin1', 12, 16) !== 'LIST' ||
    head.toString('latin1', 20, 28) !== 'hdrlavih'
  )
    throw doubtful('header-only', 'AVI: behind its first bytes there is no film')
  const [width, height] = [head.readUInt32LE(64), head.readUInt32LE(68)]
  if (width > 0 && height > 0) checkPixels({ width, height }, limits)
  return factsOf({ width, height, durationMs: (head.readUInt32LE(32) * head.readUInt32LE(48)) / 1000 })
}

/** WAV (RIFF and RF64) by its format and the length of its data. */
export async function lookAtWav({ window }: Inspection): Promise<MediaFacts> {
  let bytesPerSecond = 0
  let longDataBytes: number | undefined
  for (let at = 12; at + 8 <= window.sizeBytes; ) {
    window.step()
    const chunk = await window.read(at, 24)
    const type = chunk.toString('latin1', 0, 4)
    const length = chunk.readUInt32LE(4)
    if (type === 'fmt ' && chunk.length >= 20) bytesPerSecond = chunk.readUInt32LE(16)
    if (type === 'ds64' && chunk.length >= 24) longDataBytes = Number(chunk.readBigUInt64LE(16))
    if (type === 'data') {
      // Writers that did not know the length, or could not write it, leave nothing or everything.
      const rest = window.sizeBytes - at - 8
      const dataBytes = length === 0 || length === 0xffff_ffff ? (longDataBytes ?? rest) : length
      if (bytesPerSecond === 0) break
      return factsOf({ durationMs: (Math.min(dataBytes, rest) / bytesPerSecond) * 1000 })
    }
    at += 8 + length + (length % 2)
  }
  throw doubtful('header-only', 'WAV: behind its first bytes there is no sound')
}
