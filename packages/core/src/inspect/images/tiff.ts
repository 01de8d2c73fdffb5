import type { MediaFacts } from '../../contracts/media.ts'
import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { type Inspection, orNothing } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import type { ReadAt } from './directory.ts'
import { imageFacts, readExif } from './exif.ts'
import { checkFrames, checkPixels, largestOf, type Pixels } from './pixels.ts'
import { readPictures } from './raw.ts'

const WIDTH = 256
const HEIGHT = 257
const ORIENTATION = 274
const SHORT = 3
const LONG = 4
const LONG8 = 16

interface Layout {
  readonly little: boolean
  /** BigTIFF has offsets of eight bytes. */
  readonly big: boolean
}

interface Page extends Pixels {
  readonly orientation: number | undefined
  readonly next: number
}

/** TIFF and BigTIFF by their directories, page by page, each once. @see TIFF 6.0, section 2 */
export async function lookAtTiff({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 16)
  if (head.length < 8) throw headerOnly()
  const layout = { little: head[0] === 0x49, big: false }
  const big = number(head, 2, 2, layout) === 43
  if (big && head.length < 16) throw headerOnly()
  let at = big ? number(head, 8, 8, layout) : number(head, 4, 4, layout)
  const seen = new Set<number>()
  let first: Page | undefined
  let totalPixels = 0
  while (at !== 0) {
    window.step()
    if (seen.has(at)) throw invalid('invalid-image', 'TIFF: its pages go in a circle')
    seen.add(at)
    const page = await readPage(window, at, { ...layout, big })
    if (page === undefined) {
      if (first === undefined) throw headerOnly()
      throw invalid('invalid-image', 'TIFF: a page does not fit into the file')
    }
    checkPixels(page, limits)
    totalPixels += page.width * page.height
    checkFrames(seen.size, totalPixels, limits)
    first ??= page
    at = page.next
  }
  if (first === undefined) throw headerOnly()
  // BigTIFF is of no camera, and its offsets are longer.
  if (big) return imageFacts(first, { ...orientationOf(first) })
  const read: ReadAt = (place, length) => window.read(place, length)
  const { sizes, isPreview } = await readPictures(read)
  for (const size of sizes) checkPixels(size, limits)
  // What cameras write begins with a preview; the picture lies below it.
  const image = (isPreview ? largestOf(sizes) : undefined) ?? first
  // Read last: what it costs takes nothing from the checks.
  return imageFacts(image, { ...(await orNothing(readExif(read))), ...orientationOf(first) })
}

function orientationOf({ orientation }: Page): { readonly orientation?: number } {
  return orientation === undefined ? {} : { orientation }
}

function headerOnly(): Error {
  return doubtful('header-only', 'TIFF: behind its first bytes there is no image')
}

async function readPage(window: ByteWindow, at: number, layout: Layout): Promise<Page | undefined> {
  const [countBytes, entryBytes, offsetBytes] = layout.big ? [8, 20, 8] : [2, 12, 4]
  const counted = await window.read(at, countBytes)
  if (counted.length < countBytes) return undefined
  const count = number(counted, 0, countBytes, layout)
  const tableBytes = count * entryBytes + offsetBytes
  if (count < 1 || tableBytes > MAX_WINDOW_READ_BYTES) return undefined
  const table = await window.read(at + countBytes, tableBytes)
  if (table.length < tableBytes) return undefined
  const values = new Map<number, number>()
  for (let entry = 0; entry < count * entryBytes; entry += entryBytes) {
    const type = number(table, entry + 2, 2, layout)
    const bytes = type === SHORT ? 2 : type === LONG ? 4 : type === LONG8 && layout.big ? 8 : 0
    if (bytes > 0)
      values.set(
        number(table, entry, 2, layout),
        number(table, entry + entryBytes - offsetBytes, bytes, layout),
      )
  }
  return {
    width: values.get(WIDTH) ?? 0,
    height: values.get(HEIGHT) ?? 0,
    orientation: values.get(ORIENTATION),
    next: number(table, count * entryBytes, offsetBytes, layout),
  }
}

function number(bytes: Buffer, at: number, length: number, { little }: Layout): number {
  if (length === 8) return Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  return little ? bytes.readUIntLE(at, length) : bytes.readUIntBE(at, length)
}
