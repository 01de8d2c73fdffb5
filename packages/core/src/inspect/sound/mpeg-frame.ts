const V1_L3 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const V1_L2 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
const V1_L1 = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448]
const V2_L1 = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
const V2_L23 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const RATES = [44_100, 48_000, 32_000]

export interface MpegFrame {
  readonly bytes: number
  readonly samples: number
  readonly samplesPerSecond: number
  readonly bitsPerSecond: number
  /** Where encoders write how many frames there are. */
  readonly infoAt: number
}

/** A frame of MPEG audio that begins there, by its header. @see ISO/IEC 11172-3 section 2.4.2.3 */
export function mpegFrameAt(bytes: Buffer, at: number): MpegFrame | undefined {
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
