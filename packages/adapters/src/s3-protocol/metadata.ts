import { MediaError } from '@mediakeep/core'

/** Tells an object as the one that this very write made, when the answer to it was lost. Never shown to callers. */
export const WRITE_MARK = 'mediakeep-write'

const PLAIN = /^[\x21-\x7e]+(?: +[\x21-\x7e]+)*$/
const ENCODED = /^=\?UTF-8\?B\?([A-Za-z0-9+/]*={0,2})\?=$/i
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/**
 * Metadata as headers: what a header cannot carry as it stands goes as one encoded word, as Amazon S3 itself shows such values.
 * @throws MediaError MEDIA_BAD_INPUT `bad-metadata`
 * @see RFC 2047 section 2
 */
export function encodeMetadata(
  storeName: string,
  metadata: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const encoded: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata)) {
    if (!NAME.test(name) || name === WRITE_MARK) {
      const message = `${storeName}: ${JSON.stringify(name)} is no name of metadata`
      throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-metadata' })
    }
    encoded[name] = isPlain(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`
  }
  return encoded
}

export function decodeMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const decoded: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata)) {
    if (name.toLowerCase() === WRITE_MARK) continue
    const word = ENCODED.exec(value)?.[1]
    decoded[name.toLowerCase()] = word === undefined ? value : Buffer.from(word, 'base64').toString()
  }
  return decoded
}

/** Runs of spaces are one space in what is signed, and some endpoints keep what was signed. */
function isPlain(value: string): boolean {
  return PLAIN.test(value) && !value.includes('  ') && !ENCODED.test(value)
}
