import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import { checkPixels } from '../images/pixels.ts'
import { factsOf, type Inspection } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { MAX_TRACKS } from './movie.ts'

const EBML = 0x1a45dfa3
const SEGMENT = 0x18538067
const INFO = 0x1549a966
const TIMESTAMP_SCALE = 0x2ad7b1
const DURATION = 0x4489
const TRACKS = 0x1654ae6b
const TRACK = 0xae
const VIDEO = 0xe0
const PIXEL_WIDTH = 0xb0
const PIXEL_HEIGHT = 0xba
const CLUSTER = 0x1f43b675
const DEFAULT_SCALE_NS = 1_000_000

interface Element {
  readonly id: number
  readonly body: number
  /** `limit` when the length is not known, as in live streams. */
  readonly end: number
}

/** WebM and Matroska by what stands before their first cluster. @see RFC 9559 */
export async function lookAtMatroska({ window, limits }: Inspection): Promise<MediaFacts> {
  const head = await elementAt(window, 0, window.sizeBytes)
  const segment = head?.id === EBML ? await elementAt(window, head.end, window.sizeBytes, true) : undefined
  if (segment?.id !== SEGMENT)
    throw doubtful('header-only', 'Matroska: behind its first bytes there is no film')
  let scaleNs = DEFAULT_SCALE_NS
  let duration: number | undefined
  let tracks = 0
  let width: number | undefined
  let height: number | undefined
  await eachElement(window, segment.body, segment.end, async (element) => {
    if (element.id === CLUSTER) return 'stop'
    if (element.id === INFO)
      await eachElement(window, element.body, element.end, async (child) => {
        if (child.id === TIMESTAMP_SCALE) scaleNs = await unsigned(window, child)
        if (child.id === DURATION) duration = await float(window, child)
        return undefined
      })
    if (element.id === TRACKS)
      await eachElement(window, element.body, element.end, async (track) => {
        if (track.id !== TRACK) return undefined
        tracks += 1
        if (tracks > MAX_TRACKS) throw invalid('too-many-tracks', `more than ${MAX_TRACKS} tracks`)
        await eachElement(window, track.body, track.end, async (part) => {
          if (part.id !== VIDEO || width !== undefined) return undefined
          await eachElement(window, part.body, part.end, async (field) => {
            if (field.id === PIXEL_WIDTH) width = await unsigned(window, field)
            if (field.id === PIXEL_HEIGHT) height = await unsigned(window, field)
            return undefined
          })
          return undefined
        })
        return undefined
      })
    return undefined
  })
  if (tracks === 0) throw invalid('invalid-media', 'Matroska: it has no tracks before its data')
  if (width !== undefined && height !== undefined) checkPixels({ width, height }, limits)
  return factsOf({
    width,
    height,
    durationMs: duration === undefined ? undefined : (duration * scaleNs) / 1e6,
  })
}

async function eachElement(
  window: ByteWindow,
  start: number,
  end: number,
  visit: (element: Element) => Promise<'stop' | undefined>,
): Promise<void> {
  for (let at = start; at < end; ) {
    window.step()
    const element = await elementAt(window, at, end)
    if (element === undefined || (await visit(element)) === 'stop') return
    at = element.end
  }
}

/** Fits within `limit`, unless it may be open: a segment whose writer was cut off still plays. */
async function elementAt(
  window: ByteWindow,
  at: number,
  limit: number,
  mayBeOpen = false,
): Promise<Element | undefined> {
  const bytes = await window.read(at, 12)
  const first = bytes[0] ?? 0
  const idBytes = Math.clz32(first) - 23
  if (idBytes < 1 || idBytes > 4 || bytes.length < idBytes + 1) return undefined
  const id = bytes.readUIntBE(0, idBytes)
  const lead = bytes[idBytes] ?? 0
  const sizeBytes = Math.clz32(lead) - 23
  if (sizeBytes < 1 || sizeBytes > 8 || bytes.length < idBytes + sizeBytes) return undefined
  const field = bytes.subarray(idBytes, idBytes + sizeBytes)
  const size = sizeOf(field)
  const body = at + idBytes + sizeBytes
  // Open elements end where their parent does; only segments and clusters are.
  const end = size === undefined ? limit : body + size
  if (end > limit && !mayBeOpen && id !== CLUSTER) return undefined
  return { id, body, end: Math.min(end, limit) }
}

/** A length of one to eight bytes; `undefined` when all its bits are set: not known. */
function sizeOf(field: Buffer): number | undefined {
  const marker = 1 << (8 - field.length)
  let value = (field[0] ?? 0) & (marker - 1)
  let isOpen = value === marker - 1
  for (const byte of field.subarray(1)) {
    value = value * 256 + byte
    isOpen &&= byte === 0xff
  }
  return isOpen ? undefined : value
}

async function unsigned(window: ByteWindow, { body, end }: Element): Promise<number> {
  const bytes = await window.read(body, Math.min(end - body, 8))
  return bytes.reduce((value, byte) => value * 256 + byte, 0)
}

async function float(window: ByteWindow, { body, end }: Element): Promise<number | undefined> {
  const bytes = await window.read(body, 8)
  if (end - body === 4 && bytes.length >= 4) return bytes.readFloatBE(0)
  return end - body === 8 && bytes.length === 8 ? bytes.readDoubleBE(0) : undefined
}
