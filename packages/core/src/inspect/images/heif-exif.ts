import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { type Box, eachBox } from '../video/boxes.ts'
import { type Exif, readBoxedExif } from './exif.ts'

/** Photos of phones have one item for each of their tiles. */
const MAX_ITEMS = 4_096

/** EXIF of an item of its own, by the lists of items (`iinf`) and of their places (`iloc`). @see ISO/IEC 14496-12, section 8.11; ISO/IEC 23008-12, annex A */
export async function readHeifExif(window: ByteWindow, items: Box, places: Box): Promise<Exif> {
  const item = await exifItem(window, items)
  const place = item === undefined ? undefined : await placeOf(window, places, item)
  if (place === undefined) return {}
  const bytes = await window.read(place.at, Math.min(place.length, MAX_WINDOW_READ_BYTES))
  return await readBoxedExif(bytes)
}

async function exifItem(window: ByteWindow, items: Box): Promise<number | undefined> {
  const version = (await window.read(items.body, 1))[0]
  let found: number | undefined
  let seen = 0
  await eachBox(window, items.body + (version === 0 ? 6 : 8), items.end, async (entry) => {
    seen += 1
    if (seen > MAX_ITEMS) return 'stop'
    const bytes = await window.read(entry.body, 12)
    if (entry.type !== 'infe' || bytes.length < 12) return undefined
    const isLong = bytes[0] === 3
    const at = isLong ? 4 + 4 + 2 : 4 + 2 + 2
    if (
      (isLong
        ? (await window.read(entry.body + at, 4)).toString('latin1')
        : bytes.toString('latin1', at, at + 4)) !== 'Exif'
    )
      return undefined
    found = isLong ? bytes.readUInt32BE(4) : bytes.readUInt16BE(4)
    return 'stop'
  })
  return found
}

interface Place {
  readonly at: number
  readonly length: number
}

/** Of an item that lies in the file in one piece, as all writers lay it. */
async function placeOf(window: ByteWindow, places: Box, item: number): Promise<Place | undefined> {
  const bytes = await window.read(places.body, Math.min(places.end - places.body, MAX_WINDOW_READ_BYTES))
  if (bytes.length < 8) return undefined
  const version = bytes.readUInt8(0)
  const sizes = bytes.readUInt16BE(4)
  const offsetBytes = sizes >>> 12
  const lengthBytes = (sizes >>> 8) & 15
  const baseBytes = (sizes >>> 4) & 15
  const indexBytes = version === 0 ? 0 : sizes & 15
  const idBytes = version < 2 ? 2 : 4
  const isSound = [offsetBytes, lengthBytes, baseBytes, indexBytes].every(
    (size) => size === 0 || size === 4 || size === 8,
  )
  if (version > 2 || !isSound) return undefined
  let at = 6
  const take = (length: number): number => {
    const start = at
    at += length
    if (length === 0 || at > bytes.length) return 0
    return length === 8 ? Number(bytes.readBigUInt64BE(start)) : bytes.readUIntBE(start, length)
  }
  const count = take(idBytes)
  for (let entry = 0; entry < count && at < bytes.length; entry++) {
    const id = take(idBytes)
    const method = version === 0 ? 0 : take(2) & 15
    const file = take(2)
    const base = take(baseBytes)
    const extents = take(2)
    const first = at
    const isIt = id === item && method === 0 && file === 0 && extents === 1
    if (isIt) {
      take(indexBytes)
      const start = base + take(offsetBytes)
      const length = take(lengthBytes)
      return at <= bytes.length ? { at: start, length } : undefined
    }
    at = first + extents * (indexBytes + offsetBytes + lengthBytes)
  }
  return undefined
}
