import type { ByteWindow } from '../byte-window.ts'
import type { InspectLimits } from '../limits.ts'
import { doubtful } from '../refusals.ts'
import { boxAt } from '../video/boxes.ts'
import { walkJpeg } from './jpeg-walk.ts'
import { createMetadataMeter } from './metadata.ts'

/** Pictures and films that may follow one picture. */
const MAX_FOLLOWERS = 32
/** What makes bytes something else than a picture to somebody who finds them. */
const SIGNS =
  /PK\x03\x04|PK\x05\x06|%PDF-|__HALT_COMPILER|^MZ|\x7fELF|Rar!\x1a|7z\xbc\xaf|\x1f\x8b\x08|#!\s?\/|<[?%]|<!doctype|<!--|<\/?(?:script|html|head|body|svg|iframe|object|embed|img|a|p|div|meta|link|style|form)[\s>/]/i

/**
 * What stands behind the end of an image. Cameras append pictures (stereo, gain maps), films (moving photos) and trailers of
 * their own; those are walked through to their own ends. Anything else makes the body two things at once.
 * @param maxResidueBytes what nobody describes may be this long, when it looks like nothing that anybody would run
 * @throws MediaError MEDIA_TYPE_REFUSED `trailing-data`
 */
export async function checkTail(
  window: ByteWindow,
  end: number,
  limits: InspectLimits,
  maxResidueBytes = 0,
): Promise<void> {
  if (limits.trailingData === 'allow') return
  let at = await pastPadding(window, end)
  for (let followers = 0; at < window.sizeBytes; followers++) {
    if (limits.trailingData === 'refuse' || followers > MAX_FOLLOWERS) throw trailing()
    if (await isSamsungTrailer(window, at)) return
    const next = await pastFollower(window, at, limits)
    if (next === undefined) {
      if (window.sizeBytes - at <= maxResidueBytes && (await isHarmless(window, at))) return
      throw trailing()
    }
    at = await pastPadding(window, next)
  }
}

function trailing(): Error {
  return doubtful('trailing-data', 'behind the end of the image there is something else')
}

async function pastPadding(window: ByteWindow, start: number): Promise<number> {
  let at = start
  for (;;) {
    window.step()
    const bytes = await window.scan(at)
    if (bytes.length === 0) return window.sizeBytes
    const found = bytes.findIndex((byte) => byte !== 0x00 && byte !== 0x0a && byte !== 0x0d)
    if (found >= 0) return at + found
    at += bytes.length
  }
}

/** The end of the picture or film that begins here; `undefined` when none does. */
async function pastFollower(
  window: ByteWindow,
  at: number,
  limits: InspectLimits,
): Promise<number | undefined> {
  const head = await window.read(at, 12)
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff)
    return (await walkJpeg(window, at, limits, createMetadataMeter())).end
  if (head.toString('latin1', 4, 8) !== 'ftyp') return undefined
  let next = at
  for (;;) {
    window.step()
    const box = await boxAt(window, next, window.sizeBytes)
    if (box === undefined) return next
    next = box.end
  }
}

/** The blocks of a Samsung camera, which its own directory describes: it must account for all bytes from `start` on. */
async function isSamsungTrailer(window: ByteWindow, start: number): Promise<boolean> {
  const last = await window.read(window.sizeBytes - 8, 8)
  if (last.toString('latin1', 4, 8) !== 'SEFT') return false
  const directory = window.sizeBytes - 8 - last.readUInt32LE(0)
  const head = await window.read(directory, 12)
  if (directory < start || head.toString('latin1', 0, 4) !== 'SEFH') return false
  const count = head.readUInt32LE(8)
  const entries = await window.read(directory + 12, Math.min(count, 64) * 12)
  let begin = directory
  for (let at = 0; at + 12 <= entries.length; at += 12) {
    const [back, length] = [entries.readUInt32LE(at + 4), entries.readUInt32LE(at + 8)]
    if (length > back) return false
    begin = Math.min(begin, directory - back)
  }
  // Its first block begins with zeros, which look like padding. Pictures before it are walked through first.
  return begin <= start
}

async function isHarmless(window: ByteWindow, at: number): Promise<boolean> {
  const rest = (await window.read(at, window.sizeBytes - at)).toString('latin1')
  const isText = !/[^\t\n\r\x20-\x7e]/.test(rest)
  return isText ? /^[\w.:\s-]*$/.test(rest) : !SIGNS.test(rest)
}
