import type { MediaFacts } from '../../contracts/media.ts'
import { MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { factsOf, type Inspection, NO_FACTS } from '../inspection.ts'
import { doubtful } from '../refusals.ts'

/** FLAC by its first block, which must describe the stream. @see RFC 9639, section 8.2 */
export async function lookAtFlac({ window }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 42)
  if (head.length < 42 || ((head[4] ?? 0) & 0x7f) !== 0 || head.readUIntBE(5, 3) !== 34)
    throw doubtful('header-only', 'FLAC: behind its first bytes there is no sound')
  const samplesPerSecond = head.readUIntBE(18, 3) >>> 4
  const samples = ((head[21] ?? 0) & 15) * 2 ** 32 + head.readUInt32BE(22)
  if (samplesPerSecond === 0) throw doubtful('header-only', 'FLAC: it has no rate')
  return factsOf({ durationMs: (samples * 1000) / samplesPerSecond })
}

/** Ogg by its first page and the clock of its last. Of Opus and Vorbis the length is told. @see RFC 3533, RFC 7845 */
export async function lookAtOgg({ window }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 64)
  const segments = head[26] ?? 0
  const packet = head.subarray(27 + segments)
  if (head.toString('latin1', 0, 4) !== 'OggS' || segments === 0 || packet.length < 8)
    throw doubtful('header-only', 'Ogg: behind its first bytes there is no sound')
  const clock = clockOf(packet)
  if (clock === undefined) return NO_FACTS
  const serial = head.readUInt32LE(14)
  const start = Math.max(0, window.sizeBytes - MAX_WINDOW_READ_BYTES)
  const last = await window.read(start, MAX_WINDOW_READ_BYTES)
  for (let at = last.lastIndexOf('OggS'); at > 0; at = last.lastIndexOf('OggS', at - 1)) {
    window.step()
    if (at + 18 > last.length || last.readUInt32LE(at + 14) !== serial) continue
    const position = last.readBigUInt64LE(at + 6)
    if (position === 0xffff_ffff_ffff_ffffn) continue
    return factsOf({ durationMs: ((Number(position) - clock.skip) * 1000) / clock.samplesPerSecond })
  }
  return NO_FACTS
}

function clockOf(packet: Buffer): { readonly samplesPerSecond: number; readonly skip: number } | undefined {
  if (packet.toString('latin1', 0, 8) === 'OpusHead' && packet.length >= 12)
    return { samplesPerSecond: 48_000, skip: packet.readUInt16LE(10) }
  if (packet.toString('latin1', 0, 7) === '\u0001vorbis' && packet.length >= 16) {
    const samplesPerSecond = packet.readUInt32LE(12)
    return samplesPerSecond === 0 ? undefined : { samplesPerSecond, skip: 0 }
  }
  return undefined
}
