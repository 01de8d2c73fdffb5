import type { LinkTarget } from '../contracts/media.ts'
import { MAX_LINK_TARGET_BYTES, MAX_LINKS } from '../defaults.ts'
import { badName, parseJsonField } from './bad-name.ts'
import { isUnprintable } from './characters.ts'

const KIND = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/**
 * Something of the host's that a media belongs to. `kind` is a word of 1 to 64 letters, digits, `_`, `.`, `-`,
 * beginning with a letter, so that `kind:target` reads one way only; `target` is any text of 1 to 512 bytes without
 * control characters, kept in NFC. It is not `.` or `..`, which no address could carry.
 * @throws MediaError MEDIA_BAD_INPUT `bad-link`
 */
export function parseLinkTarget(value: unknown): LinkTarget {
  if (typeof value !== 'object' || value === null) throw badName('bad-link', 'a link is { kind, target }')
  const { kind, target } = value as { readonly kind?: unknown; readonly target?: unknown }
  if (typeof kind !== 'string' || !KIND.test(kind)) {
    throw badName('bad-link', 'the kind of a link is a word of at most 64 letters, digits, "_", "." and "-"')
  }
  if (
    typeof target !== 'string' ||
    target === '' ||
    target.length > 4 * MAX_LINK_TARGET_BYTES ||
    isUnprintable(target)
  ) {
    throw badName('bad-link', `the target of a link is a text of 1 to ${MAX_LINK_TARGET_BYTES} bytes`)
  }
  const normal = target.normalize('NFC')
  if (Buffer.byteLength(normal) > MAX_LINK_TARGET_BYTES) {
    throw badName('bad-link', `the target of a link is a text of 1 to ${MAX_LINK_TARGET_BYTES} bytes`)
  }
  if (normal.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw badName('bad-link', 'segments of a target are not "." or ".."')
  }
  return { kind, target: normal }
}

/**
 * Links as the host's own code gives them: as many as it likes.
 * @throws MediaError MEDIA_BAD_INPUT `bad-link`
 */
export function parseTargets(value: unknown): readonly LinkTarget[] {
  if (!Array.isArray(value)) throw badName('bad-link', 'links are a list of { kind, target }')
  return value.map(parseLinkTarget)
}

/**
 * Links of one media: at most 64, each once, in the order given.
 * @throws MediaError MEDIA_BAD_INPUT `bad-link`
 */
export function parseLinks(value: unknown): readonly LinkTarget[] {
  if (!Array.isArray(value)) throw badName('bad-link', 'links are a list of { kind, target }')
  if (value.length > MAX_LINKS) throw badName('bad-link', `one request sets at most ${MAX_LINKS} links`)
  const links = new Map<string, LinkTarget>()
  for (const raw of value) {
    const link = parseLinkTarget(raw)
    links.set(`${link.kind}:${link.target}`, link)
  }
  return [...links.values()]
}

/**
 * Links as a form field says them: the text of a JSON list.
 * @throws MediaError MEDIA_BAD_INPUT `bad-link`
 */
export function parseLinksField(text: string): readonly LinkTarget[] {
  if (text.length > 4 * MAX_LINKS * MAX_LINK_TARGET_BYTES) throw badName('bad-link', 'the links are too long')
  return parseLinks(parseJsonField(text, 'bad-link', 'the links are not valid JSON'))
}

/**
 * A link as a query says it: `kind:target`, split at the first colon.
 * @throws MediaError MEDIA_BAD_INPUT `bad-link`
 */
export function parseLinkQuery(text: string): LinkTarget {
  const colon = text.indexOf(':')
  if (colon === -1) throw badName('bad-link', 'a link is kind:target')
  return parseLinkTarget({ kind: text.slice(0, colon), target: text.slice(colon + 1) })
}
