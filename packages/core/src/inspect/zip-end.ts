import { type ByteWindow, MAX_WINDOW_READ_BYTES } from './byte-window.ts'
import { doubtful } from './refusals.ts'

const SIGNATURE = Buffer.from('PK\u0005\u0006', 'latin1')
/** Length of the record without its comment. */
const RECORD_BYTES = 22

/** Where a ZIP file says that it ends: its record, and the bytes of the record. */
export interface ZipEnd {
  readonly at: number
  readonly record: Buffer
}

/** The record at the end of a ZIP file whose comment reaches the very end of the body; `undefined` when there is none. */
export async function findZipEnd(window: ByteWindow): Promise<ZipEnd | undefined> {
  // The longest comment has 65,535 bytes, which with its record is more than one read.
  const reach = Math.min(window.sizeBytes, RECORD_BYTES + 65_535)
  const start = window.sizeBytes - reach
  const first = await window.read(start, Math.min(reach, MAX_WINDOW_READ_BYTES))
  const rest = await window.read(start + first.length, reach - first.length)
  const bytes = Buffer.concat([first, rest])
  for (
    let at = bytes.lastIndexOf(SIGNATURE);
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf(SIGNATURE, at - 1)
  ) {
    window.step()
    if (at + RECORD_BYTES > bytes.length) continue
    const record = bytes.subarray(at, at + RECORD_BYTES)
    if (at + RECORD_BYTES + record.readUInt16LE(20) === bytes.length) return { at: start + at, record }
  }
  return undefined
}

/**
 * Refuses a body that is an archive as well: one that readers of archives find from its end.
 * @throws MediaError MEDIA_TYPE_REFUSED `polyglot`
 */
export async function checkNoZip(window: ByteWindow): Promise<void> {
  const end = await findZipEnd(window)
  if (end === undefined) return
  const directoryBytes = end.record.readUInt32LE(12)
  const directory = await window.read(end.at - directoryBytes, 4)
  // Chance makes the record once in a billion bodies; the directory where it says settles it.
  if (directoryBytes === 0xffff_ffff || directory.toString('latin1') === 'PK\u0001\u0002')
    throw doubtful('polyglot', 'the body is a ZIP archive as well')
}
