import type { ByteWindow } from '../byte-window.ts'

/** A box of the ISO base media file format. */
export interface Box {
  readonly type: string
  /** First byte of what it holds. */
  readonly body: number
  readonly end: number
}

const NAME = /^[\x20-\x7e\xa9]{4}$/

/** The box that begins at `at`; `undefined` when there is none that ends by `limit`. @see ISO/IEC 14496-12, section 4.2 */
export async function boxAt(window: ByteWindow, at: number, limit: number): Promise<Box | undefined> {
  if (at + 8 > limit) return undefined
  const head = await window.read(at, 16)
  if (head.length < 8) return undefined
  const type = head.toString('latin1', 4, 8)
  if (!NAME.test(type)) return undefined
  const size = head.readUInt32BE(0)
  if (size === 0) return { type, body: at + 8, end: limit }
  if (size === 1) {
    if (head.length < 16) return undefined
    const end = at + Number(head.readBigUInt64BE(8))
    return end >= at + 16 && end <= limit ? { type, body: at + 16, end } : undefined
  }
  return size >= 8 && at + size <= limit ? { type, body: at + 8, end: at + size } : undefined
}

/** The boxes from `start` to `end`, one after the other, until there is none or `visit` answers `stop`. Tells where it ended. */
export async function eachBox(
  window: ByteWindow,
  start: number,
  end: number,
  visit: (box: Box) => Promise<'stop' | undefined> | 'stop' | undefined,
): Promise<number> {
  let at = start
  for (;;) {
    window.step()
    const box = await boxAt(window, at, end)
    if (box === undefined) return at
    at = box.end
    if ((await visit(box)) === 'stop') return at
  }
}
