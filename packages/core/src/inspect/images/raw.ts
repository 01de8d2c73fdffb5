import type { MediaFacts } from '../../contracts/media.ts'
import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { type Inspection, NO_FACTS, orNothing } from '../inspection.ts'
import { type Box, eachBox } from '../video/boxes.ts'
import { openDirectories, type ReadAt } from './directory.ts'
import { type Exif, imageFacts, readExif, readExifBlock } from './exif.ts'
import { checkPixels, largestOf, type Pixels } from './pixels.ts'

/* Panasonic says the size of its sensor. */
const SENSOR_WIDTH = 2
const SENSOR_HEIGHT = 3
const KIND = 254
const WIDTH = 256
const HEIGHT = 257
const SUB_DIRECTORIES = 330
const TAGS = new Set([SENSOR_WIDTH, SENSOR_HEIGHT, KIND, WIDTH, HEIGHT, SUB_DIRECTORIES])
/** Cameras write up to ten: previews, and the picture behind them. */
const MAX_DIRECTORIES = 32
const MAX_SUB_DIRECTORIES = 16

/** The pictures that the directories of a TIFF, or of what is made like one, describe. */
export interface Pictures {
  readonly sizes: readonly Pixels[]
  /** Whether the first one is the smaller picture of another one. */
  readonly isPreview: boolean
}

/** Those of the first 32 directories, below each other as well, each once. */
export async function readPictures(read: ReadAt): Promise<Pictures> {
  const directories = await openDirectories(read)
  const waiting = directories === undefined ? [] : [directories.first]
  const seen = new Set<number>()
  const sizes: Pixels[] = []
  let isPreview = false
  // It grows while it is walked through.
  for (const at of waiting) {
    if (seen.has(at) || seen.size === MAX_DIRECTORIES) continue
    seen.add(at)
    const directory = await directories?.read(at, TAGS)
    if (directories === undefined || directory === undefined) continue
    const number = async (tag: number): Promise<number> =>
      (await directories.number(directory.entries.get(tag))) ?? 0
    if (seen.size === 1) isPreview = ((await number(KIND)) & 1) === 1
    const width = (await number(WIDTH)) || (await number(SENSOR_WIDTH))
    const height = (await number(HEIGHT)) || (await number(SENSOR_HEIGHT))
    if (width > 0 && height > 0) sizes.push({ width, height })
    const below = await directories.numbers(directory.entries.get(SUB_DIRECTORIES), MAX_SUB_DIRECTORIES)
    waiting.push(...below, directory.next)
  }
  return { sizes, isPreview }
}

/**
 * What cameras write of their sensors: CR2, NEF, ARW, DNG, ORF, RW2, which are made like a TIFF. The largest picture that any
 * directory claims counts; one that says no size is taken without.
 */
export async function lookAtRaw({ window, limits }: Inspection): Promise<MediaFacts> {
  const read: ReadAt = (at, length) => window.read(at, length)
  const { sizes } = await readPictures(read)
  for (const size of sizes) checkPixels(size, limits)
  return factsOfRaw(sizes, await orNothing(readExif(read)))
}

/** Fujifilm's own: a table behind its preview, which has the EXIF. */
export async function lookAtRaf({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(84, 12)
  if (head.length < 12) return NO_FACTS
  const sizes = await sizesOfRaf(window, head.readUInt32BE(8))
  for (const size of sizes) checkPixels(size, limits)
  return factsOfRaw(sizes, await orNothing(exifOfPreview(window, head.readUInt32BE(0))))
}

const RAF_SIZES = new Set([0x100, 0x111])
const MAX_RAF_ENTRIES = 256

async function sizesOfRaf(window: ByteWindow, start: number): Promise<readonly Pixels[]> {
  const table = await window.read(start, MAX_WINDOW_READ_BYTES)
  const count = table.length < 4 ? 0 : Math.min(table.readUInt32BE(0), MAX_RAF_ENTRIES)
  const sizes: Pixels[] = []
  for (let entry = 0, at = 4; entry < count && at + 8 <= table.length; entry++) {
    const [height, width] = [table.readUInt16BE(at + 4), table.readUInt16BE(at + 6)]
    if (RAF_SIZES.has(table.readUInt16BE(at)) && width > 0 && height > 0) sizes.push({ width, height })
    at += 4 + table.readUInt16BE(at + 2)
  }
  return sizes
}

async function exifOfPreview(window: ByteWindow, start: number): Promise<Exif> {
  const bytes = await window.read(start, MAX_WINDOW_READ_BYTES)
  const hasExif = bytes.length > 12 && bytes.readUInt32BE(0) === 0xffd8ffe1
  return hasExif ? await readExifBlock(bytes.subarray(6, 4 + bytes.readUInt16BE(4))) : {}
}

const CANON_BOX = '85c0b687820f11e08111f4ce462b6a48'

/** CR3: boxes, one of which holds the directories. */
export async function lookAtCr3({ window, limits }: Inspection): Promise<MediaFacts> {
  let block: Buffer | undefined
  const inside = async (box: Box): Promise<undefined> => {
    if (box.type === 'moov') await eachBox(window, box.body, box.end, inside)
    if (box.type === 'uuid' && (await window.read(box.body, 16)).toString('hex') === CANON_BOX)
      await eachBox(window, box.body + 16, box.end, inside)
    if (box.type === 'CMT1')
      block ??= await window.read(box.body, Math.min(box.end - box.body, MAX_WINDOW_READ_BYTES))
    return undefined
  }
  await eachBox(window, 0, window.sizeBytes, inside)
  if (block === undefined) return NO_FACTS
  const bytes = block
  const { sizes } = await readPictures((at, length) => bytes.subarray(at, at + length))
  for (const size of sizes) checkPixels(size, limits)
  return factsOfRaw(sizes, await readExifBlock(bytes))
}

function factsOfRaw(sizes: readonly Pixels[], exif: Exif = {}): MediaFacts {
  const size = largestOf(sizes)
  if (size !== undefined) return imageFacts(size, exif)
  const { orientation: _orientation, ...taken } = exif
  return taken
}
