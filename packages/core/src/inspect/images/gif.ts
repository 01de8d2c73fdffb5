import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { checkFrames, checkPixels } from './pixels.ts'
import { checkTail } from './tail.ts'

const IMAGE = 0x2c
const EXTENSION = 0x21
const TRAILER = 0x3b

/** GIF by its blocks: every frame is counted, none is unpacked. @see GIF89a specification */
export async function lookAtGif({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 13)
  if (head.length < 13) throw headerOnly()
  const canvas = { width: head.readUInt16LE(6), height: head.readUInt16LE(8) }
  let at = 13 + tableBytes(head.readUInt8(10))
  let frames = 0
  let totalPixels = 0
  for (;;) {
    window.step()
    const block = await window.read(at, 10)
    const kind = block[0]
    if (kind === EXTENSION) {
      at = await afterSubBlocks(window, at + 2)
      continue
    }
    if (kind !== IMAGE || block.length < 10) break
    if (frames === 0) checkPixels(canvas, limits)
    frames += 1
    const frame = { width: block.readUInt16LE(5), height: block.readUInt16LE(7) }
    checkPixels(frame, limits)
    // A frame that is larger than the canvas is unpacked whole before it is cut.
    totalPixels += Math.max(frame.width * frame.height, canvas.width * canvas.height)
    checkFrames(frames, totalPixels, limits)
    at = await afterSubBlocks(window, at + 10 + tableBytes(block.readUInt8(9)) + 1)
  }
  if (frames === 0) throw headerOnly()
  if (at > window.sizeBytes) throw invalid('invalid-image', 'GIF: it ends within a frame')
  // Many GIFs lack the trailer. Then what stands here is behind the end.
  const last = await window.read(at, 1)
  await checkTail(window, last[0] === TRAILER ? at + 1 : at, limits)
  return canvas
}

function headerOnly(): Error {
  return doubtful('header-only', 'GIF: behind its first bytes there is no image')
}

/** Bytes of the colour table that these flags announce. */
function tableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

/** Behind the empty block that ends a row of blocks; behind the body when none does. */
async function afterSubBlocks(window: ByteWindow, start: number): Promise<number> {
  let at = start
  for (;;) {
    const bytes = await window.scan(at)
    if (bytes.length === 0) return window.sizeBytes + 1
    let offset = 0
    while (offset < bytes.length) {
      window.step()
      const length = bytes[offset] ?? 0
      if (length === 0) return at + offset + 1
      offset += length + 1
    }
    at += offset
  }
}
