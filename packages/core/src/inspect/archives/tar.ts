import type { MediaFacts } from '../../contracts/media.ts'
import { type Inspection, NO_FACTS } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { checkName, createArchiveMeter, unsafe } from './entries.ts'

const BLOCK_BYTES = 512
/** Longest name, or record of attributes, that is read. */
const MAX_RECORD_BYTES = 65_536
const FILE = new Set(['0', '\0', '7', '5', 'S'])
const ATTRIBUTES = new Set(['x', 'g', 'X'])

/** Tar by its headers: files and folders only, no links, no devices. @see POSIX.1-2017, pax */
export async function lookAtTar({ window, limits, contentType }: Inspection): Promise<MediaFacts> {
  const { archives } = limits
  if (archives === 'unchecked') return NO_FACTS
  if (archives === 'refuse') throw doubtful('archives-refused', `${contentType} is an archive`)
  const meter = createArchiveMeter(archives, false)
  let longName: string | undefined
  let longBytes: number | undefined
  for (let at = 0; ; ) {
    window.step()
    const head = await window.read(at, BLOCK_BYTES)
    if (head.every((byte) => byte === 0)) {
      if (at === 0) throw invalid('invalid-archive', 'archive: it holds nothing')
      return NO_FACTS
    }
    if (head.length < BLOCK_BYTES || !isSummed(head))
      throw invalid('invalid-archive', 'archive: a broken header')
    const kind = head.toString('latin1', 156, 157)
    const unpackedBytes = longBytes ?? numberAt(head, 124, 12)
    const body = at + BLOCK_BYTES
    at = body + Math.ceil(unpackedBytes / BLOCK_BYTES) * BLOCK_BYTES
    if (!(body + unpackedBytes <= window.sizeBytes))
      throw invalid('invalid-archive', 'archive: it ends within a file')
    if (kind === 'L' || ATTRIBUTES.has(kind)) {
      if (unpackedBytes > MAX_RECORD_BYTES) throw unsafe('a name without end')
      const record = (await window.read(body, unpackedBytes)).toString('latin1')
      longName = kind === 'L' ? record.replace(/\0+$/, '') : (attribute(record, 'path') ?? longName)
      const size = kind === 'L' ? undefined : attribute(record, 'size')
      longBytes = size === undefined ? undefined : Number(size)
      if (longBytes !== undefined && !(Number.isSafeInteger(longBytes) && longBytes >= 0))
        throw unsafe('a size that is no number')
      continue
    }
    if (!FILE.has(kind))
      throw unsafe(kind === '1' || kind === '2' ? 'a link' : 'a device, or what nobody knows')
    const prefix = textAt(head, 345, 155)
    const short = textAt(head, 0, 100)
    checkName(short)
    meter.entry({
      name: longName ?? (prefix === '' ? short : `${prefix}/${short}`),
      packedBytes: unpackedBytes,
      unpackedBytes,
    })
    longName = undefined
    longBytes = undefined
  }
}

function attribute(record: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\n)\\d{1,10} ${name}=([^\\n]{0,4096})\\n`).exec(record)?.[1]
}

function textAt(head: Buffer, at: number, length: number): string {
  const field = head.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end < 0 ? length : end)
}

/** Octal digits, or in newer archives a number of eight bits a byte. */
function numberAt(head: Buffer, at: number, length: number): number {
  if (((head[at] ?? 0) & 0x80) === 0) return Number.parseInt(textAt(head, at, length).trim() || '0', 8)
  return head.subarray(at + 1, at + length).reduce((value, byte) => value * 256 + byte, 0)
}

function isSummed(head: Buffer): boolean {
  const sum = head.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0)
  return numberAt(head, 148, 8) === sum
}
