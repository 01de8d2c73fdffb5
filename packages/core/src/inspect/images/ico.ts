import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { checkFrames, checkPixels, type Pixels } from './pixels.ts'
import { checkTail } from './tail.ts'

const MAX_ICONS = 256

/** ICO and CUR: each icon is a PNG or a BMP, which may be larger than the directory says. Its largest is its size. */
export async function lookAtIco({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 6)
  const count = head.length < 6 ? 0 : head.readUInt16LE(4)
  if (count < 1 || count > MAX_ICONS) throw headerOnly()
  const directory = await window.read(6, count * 16)
  if (directory.length < count * 16) throw headerOnly()
  let largest: Pixels | undefined
  let end = 6 + directory.length
  let totalPixels = 0
  for (let index = 0; index < count; index++) {
    window.step()
    const length = directory.readUInt32LE(index * 16 + 8)
    const at = directory.readUInt32LE(index * 16 + 12)
    if (at < 6 + directory.length || at + length > window.sizeBytes) {
      if (index === 0) throw headerOnly()
      throw invalid('invalid-image', 'ICO: an icon does not fit into the file')
    }
    const icon = await pixelsOf(window, at)
    checkPixels(icon, limits)
    totalPixels += icon.width * icon.height
    checkFrames(index + 1, totalPixels, limits)
    if (largest === undefined || icon.width * icon.height > largest.width * largest.height) largest = icon
    end = Math.max(end, at + length)
  }
  if (largest === undefined) throw headerOnly()
  await checkTail(window, end, limits)
  return { width: largest.width, height: largest.height }
}

async function pixelsOf(window: ByteWindow, at: number): Promise<Pixels> {
  const head = await window.read(at, 24)
  if (head.length < 24) throw invalid('invalid-image', 'ICO: an icon without an image')
  if (head.readUInt32BE(0) === 0x89504e47)
    return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
  if (head.readUInt32LE(0) !== 40) throw doubtful('header-only', 'ICO: an icon is no image')
  // The height counts the mask as well.
  return { width: head.readInt32LE(4), height: Math.abs(head.readInt32LE(8)) / 2 }
}

function headerOnly(): Error {
  return doubtful('header-only', 'ICO: behind its first bytes there is no image')
}
