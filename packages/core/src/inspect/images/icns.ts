import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { jpeg2000Size } from './jpeg2000.ts'
import { checkFrames, checkPixels, largestOf, type Pixels } from './pixels.ts'

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const JPEG2000 = Buffer.from('0000000c6a5020200d0a870a', 'hex')

/**
 * Apple icons: those that are PNG or JPEG 2000 by their own headers; the others have a size that their name fixes, 1,024 pixels wide
 * at most. What no entry can be made of is taken as it is.
 */
export async function lookAtIcns({ window, limits }: Inspection): Promise<MediaFacts> {
  const sizes: Pixels[] = []
  let at = 8
  for (;;) {
    window.step()
    const head = await window.read(at, 8)
    const length = head.length < 8 ? 0 : head.readUInt32BE(4)
    if (length < 8 || at + length > window.sizeBytes) break
    const size = await imageSize(window, at + 8, at + length)
    if (size !== undefined) sizes.push(size)
    at += length
  }
  for (const size of sizes) checkPixels(size, limits)
  checkFrames(
    sizes.length,
    sizes.reduce((sum, { width, height }) => sum + width * height, 0),
    limits,
  )
  const largest = largestOf(sizes)
  return largest === undefined ? {} : { width: largest.width, height: largest.height }
}

async function imageSize(window: ByteWindow, start: number, end: number): Promise<Pixels | undefined> {
  const head = await window.read(start, Math.min(24, end - start))
  if (head.length === 24 && head.subarray(0, 8).equals(PNG))
    return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
  return head.subarray(0, 12).equals(JPEG2000) ? jpeg2000Size(window, start, end) : undefined
}
