import { mpegFrameAt } from '../inspect/sound/mpeg-frame.ts'

/**
 * Whether more than the first bits say that it is of the type. Eleven bits make an MP3, sixteen a compressed file: among bodies of
 * any bytes (encrypted, say) one in two thousand begins so by chance, and would be refused for what it is not.
 * Types told by more than that are taken as they are.
 */
export function isBorneOut(contentType: string, prefix: Uint8Array): boolean {
  const bytes = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.byteLength)
  switch (contentType) {
    case 'audio/mpeg':
      return bytes.toString('latin1', 0, 3) === 'ID3' || hasTwoFrames(bytes, mpegBytes)
    case 'audio/aac':
      return hasTwoFrames(bytes, adtsBytes)
    case 'video/mp2t':
      return [188, 192].some((packetBytes) => hasPackets(bytes, packetBytes))
    case 'application/x-compress':
      // The third byte says how many bits codes may have, 9 to 16; two bits of it are not used.
      return (
        bytes.length > 2 &&
        (at(bytes, 2) & 0x60) === 0 &&
        (at(bytes, 2) & 0x1f) >= 9 &&
        (at(bytes, 2) & 0x1f) <= 16
      )
    default:
      return true
  }
}

const at = (bytes: Buffer, index: number): number => bytes[index] ?? 0

/** The second where it is in sight; a frame alone where the body ends with it. */
function hasTwoFrames(
  bytes: Buffer,
  lengthAt: (bytes: Buffer, start: number) => number | undefined,
): boolean {
  const next = lengthAt(bytes, 0)
  return next !== undefined && (next === bytes.length || lengthAt(bytes, next) !== undefined)
}

function mpegBytes(bytes: Buffer, start: number): number | undefined {
  return start + 4 > bytes.length ? undefined : mpegFrameAt(bytes, start)?.bytes
}

/** @see ISO/IEC 13818-7 section 6.2.1 */
function adtsBytes(bytes: Buffer, start: number): number | undefined {
  if (start + 7 > bytes.length || (bytes.readUInt16BE(start) & 0xfff6) !== 0xfff0) return undefined
  const rate = (at(bytes, start + 2) >> 2) & 15
  const length =
    ((at(bytes, start + 3) & 3) << 11) | (at(bytes, start + 4) << 3) | (at(bytes, start + 5) >> 5)
  return rate < 13 && length >= 7 ? length : undefined
}

/** Up to five packets that begin alike; Blu-ray puts four bytes before each. */
function hasPackets(bytes: Buffer, packetBytes: number): boolean {
  const first = packetBytes - 188
  const packets = Math.min(5, Math.floor(bytes.length / packetBytes))
  return (
    packets > 1 &&
    Array.from({ length: packets }, (_, n) => at(bytes, first + n * packetBytes)).every(
      (byte) => byte === 0x47,
    )
  )
}
