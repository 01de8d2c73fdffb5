import type { MediaFacts } from '../../contracts/media.ts'
import type { ByteWindow } from '../byte-window.ts'
import { type Inspection, NO_FACTS } from '../inspection.ts'
import { doubtful, invalid } from '../refusals.ts'
import { findZipEnd } from '../zip-end.ts'
import { createArchiveMeter, tooLarge, unsafe } from './entries.ts'

const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const MAX_DEFLATE_RATIO = 1_032
const LINK = 0o120000
const KINDS = 0o170000
/** Encrypted; encrypted strongly; with a directory that is encrypted too. */
const ENCRYPTED = 0x0001 | 0x0040 | 0x2000
const HAS_DESCRIPTOR = 0x0008
/** Files whose own headers are compared with the directory. */
const MAX_COMPARED = 1_024

interface Directory {
  readonly entries: number
  readonly start: number
  readonly bytes: number
}

interface Entry {
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  readonly at: number
  readonly end: number
  readonly isLink: boolean
}

/**
 * ZIP, and what is made of it (documents, books, programs), by its directory alone: nothing is unpacked. What the directory
 * says is held against what the files can hold at most, against each other, and against their own headers.
 * @see APPNOTE.TXT 6.3.10; D. Fifield, "A better zip bomb", 2019 (files that overlap)
 */
export async function lookAtZip({ window, limits, contentType }: Inspection): Promise<MediaFacts> {
  const { archives } = limits
  if (archives === 'unchecked') return NO_FACTS
  if (archives === 'refuse') throw doubtful('archives-refused', `${contentType} is an archive`)
  const directory = await findDirectory(window)
  if (directory.entries > archives.maxEntries) throw tooLarge(`more than ${archives.maxEntries} entries`)
  const isDocument = /officedocument|opendocument|ms-(?:word|excel|powerpoint)/.test(contentType)
  const meter = createArchiveMeter(archives, isDocument)
  const entries: Entry[] = []
  let at = directory.start
  for (let index = 0; index < directory.entries; index++) {
    window.step()
    const entry = await readEntry(window, at, directory.start + directory.bytes)
    if ((entry.flags & ENCRYPTED) !== 0 && !archives.allowEncrypted)
      throw invalid('archive-encrypted', 'archive: encrypted, so that nobody can look into it')
    if (entry.isLink) throw unsafe('a link')
    if (/(?:^|\/)vbaproject\.bin$/i.test(entry.name) && limits.activeContent === 'refuse')
      throw invalid('active-content', 'a document with macros')
    if (entry.unpackedBytes > entry.packedBytes * MAX_DEFLATE_RATIO + 1_032 && entry.method <= 9)
      throw unsafe('an entry that claims more than its bytes can hold')
    meter.entry(entry)
    entries.push(entry)
    at = entry.end
  }
  if (at !== directory.start + directory.bytes) throw unsafe('a directory that holds more than it counts')
  checkApart(entries, directory.start)
  for (const entry of entries.slice(0, MAX_COMPARED)) await compare(window, entry)
  return NO_FACTS
}

async function findDirectory(window: ByteWindow): Promise<Directory> {
  const found = await findZipEnd(window)
  if (found === undefined) throw invalid('invalid-archive', 'archive: it has no directory at its end')
  const { record, at } = found
  const [disk, entriesHere, entries] = [
    record.readUInt16LE(4),
    record.readUInt16LE(8),
    record.readUInt16LE(10),
  ]
  const [bytes, start] = [record.readUInt32LE(12), record.readUInt32LE(16)]
  const locator = await window.read(at - 20, 20)
  const isLong = locator.length === 20 && locator.toString('latin1', 0, 4) === 'PK\u0006\u0007'
  const needsLong = entries === 0xffff || bytes === 0xffff_ffff || start === 0xffff_ffff
  if (needsLong && !isLong && (bytes === 0xffff_ffff || start === 0xffff_ffff))
    throw unsafe('sizes that are said to stand elsewhere, and do not')
  if (!isLong) return within({ entries, start, bytes }, at, disk, entriesHere === entries)
  const longAt = Number(locator.readBigUInt64LE(8))
  const long = await window.read(longAt, 56)
  if (long.length < 56 || long.toString('latin1', 0, 4) !== 'PK\u0006\u0006' || longAt + 56 > at - 20)
    throw unsafe('sizes that are said to stand elsewhere, and do not')
  const told = {
    entries: Number(long.readBigUInt64LE(32)),
    bytes: Number(long.readBigUInt64LE(40)),
    start: Number(long.readBigUInt64LE(48)),
  }
  // Readers differ in which of the two they believe.
  if (
    (entries !== 0xffff && entries !== told.entries) ||
    (bytes !== 0xffff_ffff && bytes !== told.bytes) ||
    (start !== 0xffff_ffff && start !== told.start)
  )
    throw unsafe('two directories that differ')
  return within(told, longAt, disk, true)
}

function within(directory: Directory, limit: number, disk: number, isWhole: boolean): Directory {
  if (disk !== 0 || !isWhole) throw invalid('invalid-archive', 'archive: one part of several')
  // What stands before the files would shift them; here they are where the directory says.
  if (directory.start + directory.bytes !== limit)
    throw unsafe('a directory that is not where it is said to be')
  return directory
}

async function readEntry(window: ByteWindow, at: number, limit: number): Promise<Entry> {
  const head = await window.read(at, ENTRY_BYTES)
  if (
    head.length < ENTRY_BYTES ||
    head.toString('latin1', 0, 4) !== 'PK\u0001\u0002' ||
    at + ENTRY_BYTES > limit
  )
    throw unsafe('a directory that counts more than it holds')
  const [nameBytes, extraBytes, commentBytes] = [
    head.readUInt16LE(28),
    head.readUInt16LE(30),
    head.readUInt16LE(32),
  ]
  const end = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes
  if (end > limit) throw unsafe('a directory that counts more than it holds')
  const name = (await window.read(at + ENTRY_BYTES, nameBytes)).toString('latin1')
  const extra = await window.read(at + ENTRY_BYTES + nameBytes, extraBytes)
  const long = longFields(extra)
  const next = (field: number): number => {
    if (field !== 0xffff_ffff) return field
    const value = long.shift()
    if (value === undefined) throw unsafe('sizes that are said to stand elsewhere, and do not')
    return value
  }
  const unpackedBytes = next(head.readUInt32LE(24))
  const packedBytes = next(head.readUInt32LE(20))
  return {
    name,
    flags: head.readUInt16LE(8),
    method: head.readUInt16LE(10),
    crc: head.readUInt32LE(16),
    unpackedBytes,
    packedBytes,
    at: next(head.readUInt32LE(42)),
    end,
    isLink: ((head.readUInt32LE(38) >>> 16) & KINDS) === LINK,
  }
}

/** The fields of eight bytes, in their order. */
function longFields(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 0x0001 && at + 4 + length <= extra.length)
      return Array.from({ length: Math.floor(length / 8) }, (_, index) =>
        Number(extra.readBigUInt64LE(at + 4 + index * 8)),
      )
    at += 4 + length
  }
  return []
}

/** No byte belongs to two files, and none to a file and the directory. */
function checkApart(entries: readonly Entry[], directoryStart: number): void {
  const sorted = entries.toSorted((a, b) => a.at - b.at)
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1]?.at ?? directoryStart
    // The name in its own header may be longer; shorter it is not in any archive that is what it seems.
    if (entry.at + LOCAL_BYTES + entry.name.length + entry.packedBytes > next)
      throw unsafe('files that overlap')
  }
}

/** The file's own header, which is all that a reader of streams sees. */
async function compare(window: ByteWindow, entry: Entry): Promise<void> {
  window.step()
  const local = await window.read(entry.at, LOCAL_BYTES)
  if (local.length < LOCAL_BYTES || local.toString('latin1', 0, 4) !== 'PK\u0003\u0004')
    throw unsafe('a file that is not where the directory says')
  const nameBytes = local.readUInt16LE(26)
  const name = await window.read(entry.at + LOCAL_BYTES, nameBytes)
  if (name.toString('latin1') !== entry.name) throw unsafe('a file with two names')
  if ((local.readUInt16LE(6) & HAS_DESCRIPTOR) !== 0) return
  const [crc, packed, unpacked] = [local.readUInt32LE(14), local.readUInt32LE(18), local.readUInt32LE(22)]
  const isSame = (told: number, known: number): boolean => told === 0xffff_ffff || told === known
  if (crc !== entry.crc || !isSame(packed, entry.packedBytes) || !isSame(unpacked, entry.unpackedBytes))
    throw unsafe('a file whose own header differs from the directory')
}
