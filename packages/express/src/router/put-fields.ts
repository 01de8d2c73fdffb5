import {
  type LatePutOptions,
  MediaError,
  parseLinksField,
  parseMediaKey,
  parseMetadataField,
  parseTagsField,
  type Visibility,
} from '@mediakeep/core'
import type { FormField } from '../multipart/form.ts'

const KNOWN = new Set(['filename', 'key', 'tags', 'visibility', 'metadata', 'links'])

/**
 * What the fields of an upload say about it, whether they come in a form or in the query of a raw body.
 * `tags` may stand several times; the others once. Names that are not ours are the host's own and passed over.
 * @throws MediaError MEDIA_BAD_INPUT `duplicate-field`, `bad-visibility`, or of the field's own rule.
 */
export function optionsOfFields(fields: Iterable<FormField>): LatePutOptions {
  const seen = new Map<string, string>()
  const tags: string[] = []
  for (const { name, value } of fields) {
    if (!KNOWN.has(name)) continue
    if (name === 'tags') {
      tags.push(...parseTagsField(value))
      seen.set(name, '')
      continue
    }
    if (seen.has(name)) {
      throw new MediaError('MEDIA_BAD_INPUT', `the field ${name} stands twice`, { reason: 'duplicate-field' })
    }
    seen.set(name, value)
  }
  const filename = seen.get('filename')
  const key = seen.get('key')
  const visibility = seen.get('visibility')
  const metadata = seen.get('metadata')
  const links = seen.get('links')
  return {
    ...(filename === undefined ? {} : { filename }),
    // POST creates: whoever holds the key keeps it.
    ...(key === undefined ? {} : { at: { key: parseMediaKey(key) }, when: { type: 'absent' } }),
    ...(seen.has('tags') ? { tags } : {}),
    ...(visibility === undefined ? {} : { visibility: visibilityOf(visibility) }),
    ...(metadata === undefined ? {} : { metadata: parseMetadataField(metadata) }),
    ...(links === undefined ? {} : { links: parseLinksField(links) }),
  }
}

/** The query of a raw upload as fields. */
export function* fieldsOfQuery(query: string): Generator<FormField> {
  for (const [name, value] of new URLSearchParams(query)) yield { name, value }
}

function visibilityOf(value: string): Visibility {
  if (value === 'public' || value === 'private') return value
  throw new MediaError('MEDIA_BAD_INPUT', 'visibility is public or private', { reason: 'bad-visibility' })
}
