import { mpegFrameAt } from '../inspect/sound/mpeg-frame.ts'

/**
 * Whether more than the first bits say that it is of the type. Eleven bits make an MP3, sixteen a bitmap or an archive: among bodies
 * of any bytes (encrypted, say) one in two thousand begins so by chance, and would be refused for what it is not.
 * Types told by more than that are taken as they are, and so are programs (`MZ`): they are to be refused on the least suspicion.
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
    case 'image/bmp':
      // Text in an encoding of old may begin so; a header has zeros. What else claims to be a bitmap is looked into.
      return bytes.subarray(0, 18).some((byte) => byte < 9)
    case 'audio/vnd.dolby.dd-raw':
      return hasTwoFrames(bytes, dolbyBytes)
    case 'application/x-arj':
      return isArj(bytes)
    case 'application/x-cpio':
      return at(bytes, 0) !== 0xc7 || isBinaryCpio(bytes)
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

/** Kilobits a second by every other number of a frame of AC-3. */
const DOLBY_RATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640]

/** AC-3 and E-AC-3, which share the first bytes and tell each other apart by the sixth. @see ETSI TS 102 366, 4.3 and E.1.2 */
function dolbyBytes(bytes: Buffer, start: number): number | undefined {
  if (start + 6 > bytes.length || bytes.readUInt16BE(start) !== 0x0b77) return undefined
  const version = at(bytes, start + 5) >> 3
  if (version > 10) return version > 16 ? undefined : ((bytes.readUInt16BE(start + 2) & 0x7ff) + 1) * 2
  const [sampling, code] = [at(bytes, start + 4) >> 6, at(bytes, start + 4) & 63]
  const rate = DOLBY_RATES[code >> 1]
  if (rate === undefined) return undefined
  const words = [rate * 2, Math.floor((rate * 320) / 147) + (code & 1), rate * 3][sampling]
  return words === undefined ? undefined : words * 2
}

/** The main header says how long it is, how long its fixed part is, and that it is one. */
function isArj(bytes: Buffer): boolean {
  if (bytes.length < 11) return false
  const [headerBytes, fixedBytes] = [bytes.readUInt16LE(2), at(bytes, 4)]
  return fixedBytes >= 30 && fixedBytes <= headerBytes && headerBytes <= 2_600 && at(bytes, 10) === 2
}

/** 26 bytes, and a name that is not empty and ends with a zero. */
function isBinaryCpio(bytes: Buffer): boolean {
  if (bytes.length < 28) return false
  const nameBytes = bytes.readUInt16LE(20)
  return nameBytes > 1 && nameBytes <= 4_096 && at(bytes, 26 + nameBytes - 1) === 0
}
