import type { ArchiveLimits } from '../../contracts/policy.ts'
import { invalid } from '../refusals.ts'

/** Entries up to this size may be packed as tight as they like: a page of zeros harms nobody. */
const SMALL_ENTRY_BYTES = 1_048_576
const ARCHIVE_NAME =
  /\.(?:zip|jar|war|ear|apk|gz|tgz|bz2|tbz2|xz|txz|zst|lz|lz4|lzma|br|7z|rar|tar|cab|iso|arj|lzh|ace|z)$/i

/** One name that an archive holds. */
export interface ArchiveEntry {
  readonly name: string
  readonly packedBytes: number
  readonly unpackedBytes: number
}

/** Counts what an archive promises against its limits. */
export interface ArchiveMeter {
  /** @throws MediaError MEDIA_INVALID `archive-too-large` or `archive-unsafe` */
  entry(entry: ArchiveEntry): void
}

/** @param isDocument whether embedded documents are of its nature, as in those of office programs */
export function createArchiveMeter(limits: Required<ArchiveLimits>, isDocument: boolean): ArchiveMeter {
  let entries = 0
  let packedBytes = 0
  let unpackedBytes = 0
  return {
    entry(entry) {
      entries += 1
      if (entries > limits.maxEntries) throw tooLarge(`more than ${limits.maxEntries} entries`)
      checkName(entry.name)
      packedBytes += entry.packedBytes
      unpackedBytes += entry.unpackedBytes
      if (!(unpackedBytes <= limits.maxTotalBytes))
        throw tooLarge(`more than ${limits.maxTotalBytes} bytes unpacked`)
      if (
        entry.unpackedBytes > SMALL_ENTRY_BYTES &&
        entry.unpackedBytes > entry.packedBytes * limits.maxRatio
      )
        throw tooLarge(`an entry that unpacks to more than ${limits.maxRatio} times its bytes`)
      if (unpackedBytes > SMALL_ENTRY_BYTES && unpackedBytes > packedBytes * limits.maxRatio)
        throw tooLarge(`entries that unpack to more than ${limits.maxRatio} times their bytes`)
      if (!limits.allowNested && ARCHIVE_NAME.test(entry.name) && !isDocument)
        throw unsafe('an archive within the archive')
    },
  }
}

/** A name that would be written elsewhere than below the folder somebody unpacks into. */
export function checkName(name: string): void {
  const parts = name.split(/[/\\]/)
  if (name.includes('\0') || /^(?:[/\\]|[A-Za-z]:)/.test(name) || parts.includes('..'))
    throw unsafe('a name that leads out of the archive')
}

export function unsafe(message: string): Error {
  return invalid('archive-unsafe', `archive: ${message}`)
}

export function tooLarge(message: string): Error {
  return invalid('archive-too-large', `archive: ${message}`)
}
