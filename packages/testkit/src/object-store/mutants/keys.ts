import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { MediaError, type ObjectStore } from '@mediakeep/core'
import { over, type StoreMutant, withKeys } from './mutant.ts'

function decodeOnce(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

function renaming(
  id: string,
  fault: string,
  convictedBy: readonly string[],
  rename: (key: string) => string,
): StoreMutant {
  return { id, fault, convictedBy, break: (store) => withKeys(store, (key) => rename(key)) }
}

/** Keys that become other keys, or are taken although they are none. */
export const keyMutants: readonly StoreMutant[] = [
  renaming('keys-normalised', 'keys are brought to one Unicode form', ['keys.unicode-forms'], (key) =>
    key.normalize('NFC'),
  ),
  renaming('keys-lower-case', 'letter case is folded', ['keys.letter-case'], (key) => key.toLowerCase()),
  renaming('keys-trimmed', 'spaces around names are dropped', ['keys.spaces'], (key) => key.trim() || key),
  renaming('keys-decoded', 'keys are decoded from percent form', ['keys.percent'], decodeOnce),
  renaming('keys-without-dots', 'dots at the ends of names are dropped', ['keys.dots'], (key) =>
    key.replace(/^\.+(?=.)/, ''),
  ),
  renaming('keys-backslash-slash', 'a backslash becomes a slash', ['keys.backslash'], (key) =>
    key.replaceAll('\\', '/'),
  ),
  renaming(
    'keys-line-break',
    'line breaks are dropped',
    ['keys.control-characters'],
    (key) => key.replace(/[\r\n\t]/g, '') || key,
  ),
  renaming('keys-ucs2', 'characters beyond the first plane are replaced', ['keys.beyond-ascii'], (key) =>
    key.replace(/[\u{10000}-\u{10ffff}]/gu, '?'),
  ),
  renaming(
    'keys-reserved-renamed',
    'names another system reserves get an underscore',
    ['keys.reserved-names'],
    (key) => key.replace(/^(con|nul|aux)\b/i, '_$1'),
  ),
  renaming(
    'keys-punctuation',
    'characters that a file system forbids become underscores',
    ['keys.punctuation'],
    (key) => key.replace(/[?*<>|:"]/g, '_'),
  ),
  renaming('keys-path-normalised', 'keys are normalised as paths', ['keys.odd-paths'], (key) =>
    key === '' || key.includes('\0') ? key : posix.normalize(key),
  ),
  renaming('keys-empty-taken', 'the empty key is a key', ['keys.refused.empty'], (key) =>
    key === '' ? 'index' : key,
  ),
  renaming(
    'keys-nul-taken',
    'a NUL ends the key',
    ['keys.refused.nul', 'delete-many.bad-key'],
    (key) => key.split('\0')[0] || (key === '' ? key : '_'),
  ),
  renaming(
    'keys-hashed-when-long',
    'a key that is too long is shortened',
    ['keys.refused.too-long'],
    (key) => (Buffer.byteLength(key) <= 1024 ? key : createHash('sha256').update(key).digest('hex')),
  ),
  renaming(
    'keys-well-formed',
    'halves of surrogate pairs are replaced',
    ['keys.refused.half-surrogate'],
    (key) => Buffer.from(key).toString(),
  ),
  {
    id: 'keys-in-plain-object',
    fault: 'heads are looked up in a plain object',
    convictedBy: ['keys.object-members'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          if (key in {}) throw new MediaError('MEDIA_PRECONDITION', 'there already')
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'keys-limit-off-by-one',
    fault: 'a key of exactly the longest length is refused',
    convictedBy: ['keys.longest'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          if (Buffer.byteLength(key) >= store.traits.maxKeyBytes)
            throw new MediaError('MEDIA_BAD_INPUT', 'too long')
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'keys-are-folders',
    fault: 'a key cannot be below another key',
    convictedBy: ['keys.prefix-of-another'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          for (let at = key.indexOf('/'); at > 0; at = key.indexOf('/', at + 1)) {
            if ((await store.head(key.slice(0, at))) !== undefined)
              throw new MediaError('MEDIA_UNAVAILABLE', 'not a folder')
          }
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'keys-salted',
    fault: 'each store writes keys in a way of its own',
    convictedBy: ['keys.second-store', 'get.second-store', 'close.only-itself'],
    break(store: ObjectStore) {
      const salt = `${Math.random()}/`
      return withKeys(
        store,
        (key) => (key === '' ? key : salt + key),
        (key) => key.slice(salt.length),
      )
    },
  },
]
