import type { MediaFacts } from '../../contracts/media.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { checkPixels } from './pixels.ts'
import { checkTail } from './tail.ts'

const HEADER_BYTES = new Set([12, 40, 52, 56, 64, 108, 124])
const DEPTHS = new Set([1, 2, 4, 8, 16, 24, 32])
/** Compressions whose rows have a fixed length: none, and masks. */
const FIXED = new Set([0, 3, 6])

/** BMP by its header; rows of a fixed length must be there, and nothing behind them. */
export async function lookAtBmp({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 34)
  const headerBytes = head.length < 34 ? 0 : head.readUInt32LE(14)
  if (!HEADER_BYTES.has(headerBytes)) throw headerOnly()
  const isOld = headerBytes === 12
  const width = isOld ? head.readUInt16LE(18) : head.readInt32LE(18)
  const height = Math.abs(isOld ? head.readUInt16LE(20) : head.readInt32LE(22))
  const planes = head.readUInt16LE(isOld ? 22 : 26)
  const depth = head.readUInt16LE(isOld ? 24 : 28)
  if (planes !== 1) throw headerOnly()
  checkPixels({ width, height }, limits)
  const compression = isOld ? 0 : head.readUInt32LE(30)
  if (!FIXED.has(compression)) return { width, height }
  if (!DEPTHS.has(depth)) throw invalid('invalid-image', 'BMP: no such kind of pixels')
  const rowsBytes = Math.ceil((width * depth) / 32) * 4 * height
  const end = head.readUInt32LE(10) + rowsBytes
  if (end > window.sizeBytes) throw invalid('invalid-image', 'BMP: it ends within its rows')
  // A colour profile may stand behind the rows; the newest header says so.
  const profileEnd = headerBytes === 124 ? await endOfProfile(window) : 0
  await checkTail(window, Math.max(end, profileEnd), limits)
  return { width, height }
}

async function endOfProfile(window: Inspection['window']): Promise<number> {
  const fields = await window.read(14 + 112, 8)
  if (fields.length < 8) return 0
  const length = fields.readUInt32LE(4)
  return length === 0 ? 0 : 14 + fields.readUInt32LE(0) + length
}

function headerOnly(): Error {
  return doubtful('header-only', 'BMP: behind its first bytes there is no image')
}
