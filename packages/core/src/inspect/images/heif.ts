import type { MediaFacts } from '../../contracts/media.ts'
import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { factsOf, type Inspection, orNothing } from '../inspection.ts'
import type { InspectLimits } from '../limits.ts'
import { orientationOf, type Turn } from '../orientation.ts'
import { doubtful, invalid } from '../refusals.ts'
import { type Box, eachBox } from '../video/boxes.ts'
import { readMovie } from '../video/movie.ts'
import { imageFacts } from './exif.ts'
import { readHeifExif } from './heif-exif.ts'
import { checkFrames, checkPixels, largestOf, type Pixels } from './pixels.ts'
import { checkTail } from './tail.ts'

const MAX_PROPERTIES = 4_096

/** AVIF and HEIC by the properties of their items. The largest size that any item claims counts. @see ISO/IEC 23008-12 */
export async function lookAtHeif({ window, limits }: Inspection): Promise<MediaFacts> {
  let meta: Box | undefined
  let facts: MediaFacts | undefined
  const end = await eachBox(window, 0, window.sizeBytes, async (box) => {
    if (box.type === 'meta') meta ??= box
    if (box.type === 'moov') {
      const movie = await readMovie(window, box, limits)
      if (movie.width !== undefined && movie.height !== undefined) {
        checkPixels({ width: movie.width, height: movie.height }, limits)
        checkFrames(movie.frames, movie.frames * movie.pixels, limits)
        facts = factsOf(movie)
      }
    }
    return undefined
  })
  if (meta === undefined && facts === undefined) {
    if (end < window.sizeBytes) throw invalid('invalid-image', 'HEIF: a box does not fit into the file')
    throw doubtful('header-only', 'HEIF: behind its first bytes there is no image')
  }
  const image = meta === undefined ? undefined : await readMeta(window, meta, limits)
  await checkTail(window, end, limits)
  if (image === undefined) return facts ?? {}
  const { items, places, orientation } = image
  const isListed = items !== undefined && places !== undefined
  const exif = isListed ? await orNothing(readHeifExif(window, items, places)) : undefined
  // The properties of the item say how it is turned; what EXIF says of that is of the camera, and done already.
  return imageFacts(image, { ...exif, orientation })
}

interface HeifImage extends Pixels {
  readonly orientation: number
  /** The boxes that list the items, and where they are. */
  readonly items: Box | undefined
  readonly places: Box | undefined
}

async function readMeta(window: ByteWindow, meta: Box, limits: InspectLimits): Promise<HeifImage> {
  let primary = 0
  const sizes = new Map<number, Pixels>()
  const turns = new Map<number, Turn>()
  let properties = 0
  let used: readonly number[] = []
  let association: Box | undefined
  let items: Box | undefined
  let places: Box | undefined
  // `meta` is a full box: its version comes first. QuickTime leaves it out.
  await eachBox(window, meta.body + 4, meta.end, async (box) => {
    if (box.type === 'pitm') {
      const bytes = await window.read(box.body, 8)
      if (bytes.length === 8) primary = bytes[0] === 0 ? bytes.readUInt16BE(4) : bytes.readUInt32BE(4)
    }
    if (box.type === 'iinf') items ??= box
    if (box.type === 'iloc') places ??= box
    if (box.type !== 'iprp') return undefined
    await eachBox(window, box.body, box.end, async (child) => {
      if (child.type === 'ipma') association ??= child
      if (child.type !== 'ipco') return undefined
      await eachBox(window, child.body, child.end, async (property) => {
        properties += 1
        if (properties > MAX_PROPERTIES) throw invalid('too-complex', 'HEIF: too many properties')
        if (property.type === 'ispe') {
          const bytes = await window.read(property.body, 12)
          if (bytes.length < 12) return 'stop'
          const pixels = { width: bytes.readUInt32BE(4), height: bytes.readUInt32BE(8) }
          checkPixels(pixels, limits)
          sizes.set(properties, pixels)
        }
        const turn = await turnOf(window, property)
        if (turn !== undefined) turns.set(properties, turn)
        return undefined
      })
      return undefined
    })
    return undefined
  })
  if (association !== undefined) used = await propertiesOf(window, association, primary)
  const size =
    used.map((index) => sizes.get(index)).find((pixels) => pixels !== undefined) ??
    largestOf([...sizes.values()])
  if (size === undefined) throw invalid('invalid-image', 'HEIF: no item has a size')
  const orientation = orientationOf(used.flatMap((index) => turns.get(index) ?? []))
  return { ...size, orientation, items, places }
}

/** How a property turns or mirrors its item. */
async function turnOf(window: ByteWindow, { type, body }: Box): Promise<Turn | undefined> {
  if (type !== 'irot' && type !== 'imir') return undefined
  const value = (await window.read(body, 1))[0] ?? 0
  // Quarters are counted to the left.
  if (type === 'irot') return { kind: 'right', quarters: -(value & 3) }
  return { kind: 'mirror', exchanges: (value & 1) === 0 ? 'top-bottom' : 'left-right' }
}

/** Numbers (from 1) of the properties of an item. */
async function propertiesOf(window: ByteWindow, box: Box, item: number): Promise<readonly number[]> {
  const bytes = await window.read(box.body, Math.min(box.end - box.body, MAX_WINDOW_READ_BYTES))
  if (bytes.length < 8) return []
  const [idBytes, indexBytes] = [bytes[0] === 0 ? 2 : 4, (bytes[3] ?? 0) & 1 ? 2 : 1]
  const count = bytes.readUInt32BE(4)
  let at = 8
  for (let entry = 0; entry < count && at + idBytes < bytes.length; entry++) {
    window.step()
    const id = bytes.readUIntBE(at, idBytes)
    const length = (bytes[at + idBytes] ?? 0) * indexBytes
    const from = at + idBytes + 1
    if (id === item && from + length <= bytes.length)
      return Array.from({ length: length / indexBytes }, (_, index) =>
        indexBytes === 2
          ? bytes.readUInt16BE(from + index * 2) & 0x7fff
          : bytes.readUInt8(from + index) & 0x7f,
      )
    at = from + length
  }
  return []
}
