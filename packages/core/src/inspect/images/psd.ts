import type { MediaFacts } from '../../contracts/media.ts'
import type { Inspection } from '../inspection.ts'
import { doubtful } from '../refusals.ts'
import { checkPixels } from './pixels.ts'

/** PSD and PSB by their header: the canvas, and the channels that it is said to have. @see Adobe Photoshop File Formats Specification */
export async function lookAtPsd({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await window.read(0, 26)
  const version = head.length < 26 ? 0 : head.readUInt16BE(4)
  if (version !== 1 && version !== 2)
    throw doubtful('header-only', 'PSD: behind its first bytes there is no image')
  const size = { width: head.readUInt32BE(18), height: head.readUInt32BE(14) }
  checkPixels(size, limits)
  return size
}
