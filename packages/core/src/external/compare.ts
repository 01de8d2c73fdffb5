import type { KnownExternal } from '../contracts/catalog.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import { UNORDERED_BLOCK_OBJECTS } from '../defaults.ts'
import { pagesOf } from '../pages.ts'
import type { ExternalContext } from './context.ts'
import { type ListedPage, listObjects } from './list.ts'
import type { Mapping } from './mapping.ts'

const KNOWN_PAGE = 1_000

/** What one piece of a listing says beside what is known: a hint, each of it, as long as the object was not asked for by itself. */
export interface Compared {
  readonly listed: number
  readonly bytes: number
  readonly unchanged: number
  readonly fresh: readonly ObjectHead[]
  /** Keys of those that have another etag or size. */
  readonly changed: readonly string[]
  /** Known, and not listed. */
  readonly missing: readonly string[]
}

interface Comparing {
  listed: number
  bytes: number
  unchanged: number
  fresh: ObjectHead[]
  changed: string[]
  missing: string[]
}

const nothing = (): Comparing => ({
  listed: 0,
  bytes: 0,
  unchanged: 0,
  fresh: [],
  changed: [],
  missing: [],
})

/**
 * Compares a listing with what is known, piece by piece. Where the store lists by key, both are gone through side by side, in
 * the memory of two pages. Else what is known is taken in blocks of neighbouring keys, and the store is listed once for each.
 */
export function compare(
  context: ExternalContext,
  mapping: Mapping,
  check: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Compared> {
  const known = knownObjects(context, mapping, check)
  const pages = (): AsyncIterable<ListedPage> => listObjects(mapping, 'reconcile', check, signal)
  return mapping.volume.store.traits.listOrder === 'key'
    ? sideBySide(known, pages())
    : blockByBlock(known, pages)
}

/** What is known below the prefix, by key. */
async function* knownObjects(
  { catalog }: ExternalContext,
  { volume, prefix }: Mapping,
  check: () => void,
): AsyncGenerator<KnownExternal, undefined> {
  const pages = pagesOf((from) => {
    check()
    return catalog.listExternal(volume.id, { limit: KNOWN_PAGE, from: prefix, ...from })
  })
  for await (const { objects } of pages)
    for (const object of objects) {
      if (!object.key.startsWith(prefix)) return undefined // all of one prefix are neighbours
      yield object
    }
  return undefined
}

async function* sideBySide(
  known: AsyncIterator<KnownExternal, undefined>,
  pages: AsyncIterable<ListedPage>,
): AsyncGenerator<Compared> {
  let next = await known.next()
  for await (const { objects } of pages) {
    const found = nothing()
    for (const object of objects) {
      while (next.done !== true && compareKeys(next.value.key, object.key) < 0) {
        found.missing.push(next.value.key)
        next = await known.next()
      }
      const isKnown = next.done !== true && next.value.key === object.key
      weigh(found, object, isKnown ? next.value : undefined)
      if (isKnown) next = await known.next()
    }
    yield found
  }
  while (next.done !== true) {
    const found = nothing()
    for (; next.done !== true && found.missing.length < KNOWN_PAGE; next = await known.next())
      found.missing.push(next.value.key)
    yield found
  }
}

async function* blockByBlock(
  known: AsyncIterator<KnownExternal, undefined>,
  pages: () => AsyncIterable<ListedPage>,
): AsyncGenerator<Compared> {
  let after: string | undefined
  for (let isLast = false; !isLast; ) {
    const block = new Map<string, KnownExternal>()
    let last: string | undefined
    while (block.size < UNORDERED_BLOCK_OBJECTS && !isLast) {
      const next = await known.next()
      isLast = next.done === true
      if (next.done === true) break
      last = next.value.key
      block.set(last, next.value)
    }
    const isIn = (key: string): boolean =>
      (after === undefined || compareKeys(key, after) > 0) &&
      (isLast || last === undefined || compareKeys(key, last) <= 0)
    for await (const { objects } of pages()) {
      const found = nothing()
      for (const object of objects) {
        if (!isIn(object.key)) continue
        weigh(found, object, block.get(object.key))
        block.delete(object.key)
      }
      yield found
    }
    const missing = [...block.keys()]
    for (let at = 0; at < missing.length; at += KNOWN_PAGE)
      yield { ...nothing(), missing: missing.slice(at, at + KNOWN_PAGE) }
    after = last
  }
}

function weigh(found: Comparing, object: ObjectHead, known: KnownExternal | undefined): void {
  found.listed += 1
  found.bytes += object.sizeBytes
  if (known === undefined) found.fresh.push(object)
  else if (known.etag === object.etag && known.sizeBytes === object.sizeBytes) found.unchanged += 1
  else found.changed.push(object.key)
}

/** In the order of their UTF-8 bytes, as stores and catalogs list them: that of code points, which is not that of UTF-16 units. */
function compareKeys(one: string, other: string): number {
  if (one === other) return 0
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
