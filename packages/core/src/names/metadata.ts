import type { JsonObject, JsonValue } from '../contracts/bytes.ts'
import { MAX_METADATA_BYTES, MAX_METADATA_DEPTH } from '../defaults.ts'
import { badName, parseJsonField } from './bad-name.ts'

/** What is left of the size allowed, counted down while the copy is made: no input is walked further than it may be long. */
interface Budget {
  leftBytes: number
}

/**
 * A copy of user metadata: a plain JSON object of at most 16 KiB as JSON and 16 levels.
 * Only what JSON can say is taken, as it stands: no dates, functions, `undefined`, NaN, no text with NUL or broken
 * UTF-16 (databases refuse those). The member name `__proto__` is refused: copying it would change a prototype
 * in code that assigns member by member. Members named `constructor` and the like are data and stay.
 * @throws MediaError MEDIA_BAD_INPUT `bad-metadata`
 */
export function parseMetadata(value: unknown): JsonObject {
  if (!isPlainObject(value)) throw badName('bad-metadata', 'metadata is a JSON object')
  const copy = copyObject(value, 1, { leftBytes: MAX_METADATA_BYTES })
  if (Buffer.byteLength(JSON.stringify(copy)) > MAX_METADATA_BYTES) throw tooLarge()
  return copy
}

/**
 * Metadata as a form field says it: the text of a JSON object.
 * @throws MediaError MEDIA_BAD_INPUT `bad-metadata`
 */
export function parseMetadataField(text: string): JsonObject {
  // White space between tokens is not counted, but nobody needs this much of it.
  if (text.length > 2 * MAX_METADATA_BYTES) throw tooLarge()
  return parseMetadata(parseJsonField(text, 'bad-metadata', 'the metadata is not valid JSON'))
}

function copyValue(value: unknown, depth: number, budget: Budget): JsonValue {
  spend(budget, 1)
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw badName('bad-metadata', 'numbers in metadata are finite')
    return value
  }
  if (typeof value === 'string') return copyText(value, budget)
  if (depth >= MAX_METADATA_DEPTH)
    throw badName('bad-metadata', `metadata has at most ${MAX_METADATA_DEPTH} levels`)
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => copyValue(item, depth + 1, budget))
  if (isPlainObject(value)) return copyObject(value, depth + 1, budget)
  throw badName('bad-metadata', 'metadata holds JSON values only')
}

function copyObject(value: Readonly<Record<string, unknown>>, depth: number, budget: Budget): JsonObject {
  const copy: Record<string, JsonValue> = {}
  for (const name of Object.keys(value)) {
    if (name === '__proto__') throw badName('bad-metadata', 'metadata has no member "__proto__"')
    copy[copyText(name, budget)] = copyValue(value[name], depth, budget)
  }
  return copy
}

function copyText(text: string, budget: Budget): string {
  spend(budget, text.length)
  if (text.includes('\0') || /\p{Surrogate}/u.test(text)) {
    throw badName('bad-metadata', 'texts in metadata hold no NUL and are well-formed Unicode')
  }
  return text
}

function spend(budget: Budget, bytes: number): void {
  budget.leftBytes -= bytes
  if (budget.leftBytes < 0) throw tooLarge()
}

function tooLarge(): Error {
  return badName('bad-metadata', `metadata has at most ${MAX_METADATA_BYTES} bytes as JSON`)
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // An object of another realm has a prototype that has none itself.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
