import { MAX_TAG_BYTES, MAX_TAGS } from '../defaults.ts'
import { badName, parseJsonField } from './bad-name.ts'
import { isUnprintable } from './characters.ts'

/**
 * Tags of a media: at most 64 texts of 1 to 128 bytes, in NFC, without blanks around them, each once, in the order given.
 * Case counts.
 * @throws MediaError MEDIA_BAD_INPUT `bad-tags` for anything else, also for values that are no texts.
 */
export function parseTags(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw badName('bad-tags', 'tags are a list of texts')
  if (value.length > MAX_TAGS) throw badName('bad-tags', `a media has at most ${MAX_TAGS} tags`)
  const tags = new Set<string>()
  for (const raw of value) tags.add(parseTag(raw))
  return [...tags]
}

/**
 * Tags as a form field says them: a JSON list, or texts between commas.
 * @throws MediaError MEDIA_BAD_INPUT `bad-tags`
 */
export function parseTagsField(text: string): readonly string[] {
  if (text.length > 4 * MAX_TAGS * MAX_TAG_BYTES) throw badName('bad-tags', 'the tags are too long')
  if (!text.trimStart().startsWith('[')) {
    return parseTags(text.split(',').filter((tag) => tag.trim() !== ''))
  }
  return parseTags(parseJsonField(text, 'bad-tags', 'the tags are not valid JSON'))
}

function parseTag(raw: unknown): string {
  if (typeof raw !== 'string') throw badName('bad-tags', 'a tag is a text')
  if (raw.length > 4 * MAX_TAG_BYTES) throw badName('bad-tags', `a tag has at most ${MAX_TAG_BYTES} bytes`)
  const tag = raw.normalize('NFC').trim()
  if (tag === '') throw badName('bad-tags', 'a tag is not empty')
  if (isUnprintable(tag)) throw badName('bad-tags', 'a tag holds no control characters')
  if (Buffer.byteLength(tag) > MAX_TAG_BYTES)
    throw badName('bad-tags', `a tag has at most ${MAX_TAG_BYTES} bytes`)
  return tag
}
