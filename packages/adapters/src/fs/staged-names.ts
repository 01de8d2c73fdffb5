import { checkPart, MediaError, type PartialPart } from '@mediakeep/core'
import { escapeKey, unescapeKey } from './names.ts'
import { TEMP_PREFIX } from './temp-files.ts'

const MAX_NAME_BYTES = 100
/** No temporary file's name goes on like this: theirs begins with hexadecimal digits. */
const PART_PREFIX = `${TEMP_PREFIX}part-`

/**
 * How files in the staging folder begin that belong to a session.
 * @throws MediaError MEDIA_BAD_INPUT `bad-name`
 */
export function stagedPrefix(storeName: string, name: string): string {
  const escaped = escapeKey(name)
  if (name !== '' && escaped.length <= MAX_NAME_BYTES) return escaped
  const message = `${storeName}: ${JSON.stringify(name)} is no name for a staged body`
  throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-name' })
}

/** The file of a part: the same for every process, now and later. @throws MediaError MEDIA_BAD_INPUT `bad-name` */
export function partFileName(storeName: string, part: PartialPart): string {
  checkPart(storeName, part)
  return `${stagedPrefix(storeName, part.name)}${PART_PREFIX}${part.part}`
}

/** The name a session gave; undefined for probes and locks, which no session owns. */
export function stagedNameOf(fileName: string): string | undefined {
  const at = fileName.indexOf(TEMP_PREFIX)
  return at > 0 ? unescapeKey(fileName.slice(0, at)) : undefined
}
