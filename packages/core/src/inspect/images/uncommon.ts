import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import type { Look } from '../inspection.ts'
import { doubtful } from '../refusals.ts'
import { openDirectories } from './directory.ts'
import { checkFrames, checkPixels, type Pixels } from './pixels.ts'

/** Pixels of the whole, and pictures that follow one another. */
type Size = Pixels & { readonly frames?: number }

/* Images that no browser shows, and that converters unpack: their headers are read for the bounds, and nothing behind them. */

/** JPEG-LS, whose frame header comes first. @see ITU-T T.87, C.2.2 */
export const lookAtJpegLs: Look = byHeader('JPEG-LS', async (window) => {
  const head = await window.read(0, 11)
  return head.length < 11 ? undefined : { height: head.readUInt16BE(7), width: head.readUInt16BE(9) }
})

/** JPEG XR by its directory, which is that of a TIFF by other numbers. @see ITU-T T.832, A.7 */
export const lookAtJpegXr: Look = byHeader('JPEG XR', async (window) => {
  const directories = await openDirectories((at, length) => window.read(at, length))
  const directory = await directories?.read(directories.first, new Set([WIDTH, HEIGHT]))
  const [width, height] = await Promise.all(
    [WIDTH, HEIGHT].map(async (tag) => directories?.number(directory?.entries.get(tag))),
  )
  return width === undefined || height === undefined ? undefined : { width, height }
})
const WIDTH = 0xbc80
const HEIGHT = 0xbc81

/** The canvas of GIMP. @see GIMP, devel-docs/xcf.txt */
export const lookAtXcf: Look = byHeader('XCF', async (window) => {
  const head = await window.read(0, 22)
  return head.length < 22 ? undefined : { width: head.readUInt32BE(14), height: head.readUInt32BE(18) }
})

/** Textures: layers and faces are pixels like all others. @see Khronos, KTX File Format Specification 1.0 */
export const lookAtKtx: Look = byHeader('KTX', async (window) => {
  const head = await window.read(0, 56)
  if (head.length < 56) return undefined
  const isLittle = head.readUInt32LE(12) === 0x04030201
  // 0 stands for a dimension that there is not.
  const [width = 0, height = 0, depth = 0, layers = 0, faces = 0] = [36, 40, 44, 48, 52].map((at) =>
    Math.max(1, isLittle ? head.readUInt32LE(at) : head.readUInt32BE(at)),
  )
  return { width, height, frames: depth * layers * faces }
})

/** @see FLIF16, part 1: the main header */
export const lookAtFlif: Look = byHeader('FLIF', async (window) => {
  const head = await window.read(0, 32)
  const isAnimated = (head[4] ?? 0) >> 4 >= 5
  const [width, height, frames] = numbersFrom(head, 6, isAnimated ? 3 : 2)
  if (width === undefined || height === undefined || (isAnimated && frames === undefined)) return undefined
  return { width: width + 1, height: height + 1, frames: (frames ?? -1) + 2 }
})

/** @see BPG specification, 3.1 */
export const lookAtBpg: Look = byHeader('BPG', async (window) => {
  const [width, height] = numbersFrom(await window.read(0, 32), 6, 2)
  return width === undefined || height === undefined ? undefined : { width, height }
})

/** Seven bits a byte, the highest first; a byte with its top bit set is followed by another. */
function numbersFrom(bytes: Buffer, start: number, count: number): readonly number[] {
  const numbers: number[] = []
  let value = 0
  for (let at = start; at < bytes.length && numbers.length < count; at++) {
    const byte = bytes[at] ?? 0
    value = value * 128 + (byte & 127)
    if (byte > 127) continue
    numbers.push(value)
    value = 0
  }
  return numbers
}

/** @param sizeOf `undefined` where the header is cut off */
function byHeader(name: string, sizeOf: (window: ByteWindow) => Promise<Size | undefined>): Look {
  return async ({ window, limits }): Promise<MediaFacts> => {
    const size = await sizeOf(window)
    if (size === undefined) throw doubtful('header-only', `${name}: behind its first bytes there is no image`)
    const { width, height, frames = 1 } = size
    checkPixels(size, limits)
    checkFrames(frames, width * height * frames, limits)
    return { width, height }
  }
}
