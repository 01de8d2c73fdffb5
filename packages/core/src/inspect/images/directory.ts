import { cleanText, MAX_TEXT_READ_BYTES } from '../text.ts'

/** `length` bytes from `at`; fewer only where there are no more. */
export type ReadAt = (at: number, length: number) => Promise<Buffer> | Buffer

/** A value of a directory: of which type, how many, and where. */
export interface Entry {
  readonly type: number
  readonly count: number
  readonly at: number
}

/** Directories of a TIFF, which EXIF is as well. */
export interface Directories {
  /** Where the first one is. */
  readonly first: number
  /**
   * The directory at `at`: of each tag that is `wanted` its first entry, and where the next directory is (0: none).
   * `undefined` when there is none. Reads 6 KiB at most.
   */
  read(at: number, wanted: ReadonlySet<number>): Promise<Directory | undefined>
  /** A bounded piece of text without anything that does not show. */
  text(entry: Entry | undefined): Promise<string | undefined>
  /** A whole number. */
  number(entry: Entry | undefined): Promise<number | undefined>
  /** The first whole numbers of a list. */
  numbers(entry: Entry | undefined, most: number): Promise<readonly number[]>
  /** Fractions, as many as asked for; none when one of them has no value. */
  ratios(entry: Entry | undefined, count: number): Promise<readonly number[]>
}

export interface Directory {
  readonly entries: ReadonlyMap<number, Entry>
  readonly next: number
}

/** Most entries of a directory that are looked at. */
const MAX_ENTRIES = 512
const ENTRY_BYTES = 12
const SHORT = 3
const LONG = 4
const RATIONAL = 5
const SIGNED_RATIONAL = 10
/** The offset of a sub-directory, which is a LONG by another name. */
const IFD = 13
/** Bytes of one value by type; UTF-8 is of EXIF 3.0. */
const TYPE_BYTES = new Map([
  [1, 1],
  [2, 1],
  [SHORT, 2],
  [LONG, 4],
  [RATIONAL, 8],
  [7, 1],
  [9, 4],
  [SIGNED_RATIONAL, 8],
  [IFD, 4],
  [129, 1],
])
const TEXTS = new Set([2, 7, 129])

/**
 * The directories of what `read` brings; `undefined` when it begins with no byte order. Nothing is followed by itself: who asks
 * for a directory decides how many are read, so none can lead in a circle. What does not fit is absent. Throws only what `read` throws.
 * @see TIFF 6.0, section 2; CIPA DC-008 (Exif 3.0), section 4.6
 */
export async function openDirectories(read: ReadAt): Promise<Directories | undefined> {
  const head = await read(0, 8)
  const order = head.toString('latin1', 0, 2)
  if ((order !== 'II' && order !== 'MM') || head.length < 8) return undefined
  const isLittle = order === 'II'
  const u16 = (bytes: Buffer, at: number): number =>
    isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
  const u32 = (bytes: Buffer, at: number): number =>
    isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
  const ratio = (bytes: Buffer, at: number, isSigned: boolean): number => {
    const [over, under] = [u32(bytes, at), u32(bytes, at + 4)]
    return isSigned ? (over | 0) / (under | 0) : over / under
  }

  const numbers: Directories['numbers'] = async (entry, most) => {
    if (entry === undefined) return []
    const bytesOfOne = entry.type === SHORT ? 2 : entry.type === LONG || entry.type === IFD ? 4 : 0
    if (bytesOfOne === 0) return []
    const bytes = await read(entry.at, Math.min(entry.count, most) * bytesOfOne)
    const length = Math.floor(bytes.length / bytesOfOne)
    return Array.from({ length }, (_, index) => (bytesOfOne === 2 ? u16 : u32)(bytes, index * bytesOfOne))
  }

  return {
    first: u32(head, 4),
    async read(at, wanted) {
      const counted = await read(at, 2)
      if (at < 8 || counted.length < 2) return undefined
      const count = u16(counted, 0)
      const table = await read(at + 2, Math.min(count, MAX_ENTRIES) * ENTRY_BYTES + 4)
      const entries = new Map<number, Entry>()
      for (let entry = 0; entry < Math.min(count, MAX_ENTRIES); entry++) {
        const start = entry * ENTRY_BYTES
        if (start + ENTRY_BYTES > table.length) break
        const tag = u16(table, start)
        if (!wanted.has(tag) || entries.has(tag)) continue
        const type = u16(table, start + 2)
        const valueCount = u32(table, start + 4)
        // A value of up to four bytes stands in the place of its offset.
        const isInside = valueCount * (TYPE_BYTES.get(type) ?? 8) <= 4
        entries.set(tag, {
          type,
          count: valueCount,
          at: isInside ? at + 2 + start + 8 : u32(table, start + 8),
        })
      }
      const isWhole = count <= MAX_ENTRIES && table.length === count * ENTRY_BYTES + 4
      return { entries, next: isWhole ? u32(table, count * ENTRY_BYTES) : 0 }
    },
    async text(entry) {
      if (entry === undefined || !TEXTS.has(entry.type)) return undefined
      return cleanText(await read(entry.at, Math.min(entry.count, MAX_TEXT_READ_BYTES)))
    },
    async number(entry) {
      return (await numbers(entry, 1))[0]
    },
    numbers,
    async ratios(entry, count) {
      if (entry === undefined || entry.count < count) return []
      if (entry.type !== RATIONAL && entry.type !== SIGNED_RATIONAL) return []
      const bytes = await read(entry.at, count * 8)
      if (bytes.length < count * 8) return []
      const isSigned = entry.type === SIGNED_RATIONAL
      const values = Array.from({ length: count }, (_, index) => ratio(bytes, index * 8, isSigned))
      return values.every(Number.isFinite) ? values : []
    },
  }
}
