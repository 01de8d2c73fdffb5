import { isUtf8 } from 'node:buffer'
import { type LatePutOptions, MediaError } from '@mediakeep/core'
import { MAX_TUS_METADATA_LENGTH } from '../defaults.ts'
import { declaredType } from '../router/intake.ts'
import { optionsOfFields } from '../router/put-fields.ts'

const KEY = /^[\x21-\x2b\x2d-\x7e]+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** Fields of an upload as forms and queries have them, but for the name, which has two spellings here. */
const FIELDS = ['key', 'tags', 'visibility', 'metadata', 'links']

/**
 * Reads Upload-Metadata: keys in ASCII, each once, values in Base64 or left out.
 * @throws MediaError MEDIA_BAD_INPUT `bad-upload-metadata`
 */
export function parseUploadMetadata(text: string): ReadonlyMap<string, Buffer> {
  if (text.length > MAX_TUS_METADATA_LENGTH) {
    throw bad(`is longer than ${MAX_TUS_METADATA_LENGTH} characters`)
  }
  const pairs = new Map<string, Buffer>()
  for (const pair of text.split(',')) {
    const space = pair.indexOf(' ')
    const key = space === -1 ? pair : pair.slice(0, space)
    const value = space === -1 ? '' : pair.slice(space + 1)
    if (!KEY.test(key)) throw bad('has a key that is empty or not ASCII')
    if (!BASE64.test(value)) throw bad('has a value that is not Base64')
    if (pairs.has(key)) throw bad('says a key twice')
    pairs.set(key, Buffer.from(value, 'base64'))
  }
  return pairs
}

/**
 * What the metadata say of the media: `filename` (or `name`), `filetype` (or `type`), and the fields that forms have too.
 * Other keys are the sender's own: they are kept for it, byte for byte, and mean nothing here.
 * @throws MediaError MEDIA_BAD_INPUT `bad-upload-metadata`, or of the field's own rule
 */
export function optionsOfMetadata(
  pairs: ReadonlyMap<string, Buffer>,
): LatePutOptions & { readonly contentType?: string } {
  const fields = FIELDS.flatMap((name) => {
    const value = textOf(pairs, name)
    return value === undefined ? [] : [{ name, value }]
  })
  const filename = textOf(pairs, 'filename') ?? textOf(pairs, 'name')
  const contentType = declaredType(textOf(pairs, 'filetype') ?? textOf(pairs, 'type'))
  return {
    ...optionsOfFields(filename === undefined ? fields : [...fields, { name: 'filename', value: filename }]),
    ...(contentType === undefined ? {} : { contentType }),
  }
}

/** `undefined` also for an empty value: that is how senders say that they do not know. */
function textOf(pairs: ReadonlyMap<string, Buffer>, key: string): string | undefined {
  const value = pairs.get(key)
  if (value === undefined || value.length === 0) return undefined
  if (!isUtf8(value)) throw bad(`has a ${key} that is not UTF-8`)
  return value.toString('utf8')
}

function bad(why: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `Upload-Metadata ${why}`, { reason: 'bad-upload-metadata' })
}
