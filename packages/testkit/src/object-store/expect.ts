import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import {
  type ByteRange,
  bytesSource,
  isMediaError,
  type MediaErrorCode,
  type ObjectHead,
  type ObjectPage,
  type ObjectReader,
  type ObjectStore,
} from '@mediakeep/core'

/** All bytes of a stream, in one buffer. */
export async function drain(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new Error(`the stream gave ${typeof chunk}, not bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The stream of a reader. Its errors reach whoever reads it; a case that fails before it reads must not end the
 * process by a stream that nobody listens to.
 */
export function openStream(reader: ObjectReader): Readable {
  return reader.stream().on('error', () => {})
}

/** Opens the key; fails when the store says "absent". */
export async function openReader(store: ObjectStore, key: string, range?: ByteRange): Promise<ObjectReader> {
  const reader = await store.get(key, range === undefined ? {} : { range })
  assert.ok(reader !== undefined, `get(${JSON.stringify(key)}) says absent`)
  return reader
}

export async function readAll(store: ObjectStore, key: string, range?: ByteRange): Promise<Buffer> {
  const reader = await openReader(store, key, range)
  try {
    return await drain(openStream(reader))
  } finally {
    await reader[Symbol.asyncDispose]()
  }
}

export function putBytes(store: ObjectStore, key: string, bytes: Uint8Array | string): Promise<ObjectHead> {
  return store.put(key, bytesSource(typeof bytes === 'string' ? Buffer.from(bytes) : bytes))
}

/** Compares without printing megabytes when they differ. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return
  let at = 0
  while (at < actual.byteLength && actual[at] === expected[at]) at += 1
  assert.fail(
    `${what}: ${actual.byteLength} bytes instead of ${expected.byteLength}, the first difference at ${at}`,
  )
}

/** The call rejects with a MediaError of this code. */
export async function rejectsWith(code: MediaErrorCode, call: Promise<unknown>, what: string): Promise<void> {
  const error = await rejectionOf(call, what)
  if (isMediaError(error, code)) return
  assert.fail(`${what}: threw ${describeError(error)} instead of ${code}`)
}

export async function rejectionOf(call: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await call
  } catch (error) {
    return error
  }
  return assert.fail(`${what}: succeeded, a refusal was promised`)
}

export async function isAbsent(store: ObjectStore, key: string, what: string): Promise<void> {
  assert.equal(await store.head(key), undefined, `${what}: head() finds ${JSON.stringify(key)}`)
  const reader = await store.get(key)
  await reader?.[Symbol.asyncDispose]()
  assert.equal(reader, undefined, `${what}: get() finds ${JSON.stringify(key)}`)
  const page = await store.list()
  assert.ok(
    !page.objects.some((object) => object.key === key),
    `${what}: list() shows ${JSON.stringify(key)}`,
  )
}

export async function holds(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array | string,
  what: string,
): Promise<void> {
  sameBytes(await readAll(store, key), Buffer.from(bytes), what)
}

/** The pages of a listing, each asked for when the one before was looked at. */
export async function* pagesOf(
  store: ObjectStore,
  options: { prefix?: string; limit?: number } = {},
): AsyncGenerator<ObjectPage> {
  let cursor: string | undefined
  for (let pages = 0; pages < 10_000; pages++) {
    const page = await store.list(cursor === undefined ? options : { ...options, cursor })
    yield page
    cursor = page.cursor
    if (cursor === undefined) return
  }
  assert.fail('list() does not end')
}

/** All keys, over as many pages as it takes. */
export async function listAll(
  store: ObjectStore,
  options: { prefix?: string; limit?: number } = {},
): Promise<ObjectHead[]> {
  const objects: ObjectHead[] = []
  let before: string | undefined
  for await (const { objects: found, cursor } of pagesOf(store, options)) {
    objects.push(...found)
    if (cursor !== undefined) assert.notEqual(cursor, before, 'list() gives the same cursor again')
    before = cursor
  }
  return objects
}

function describeError(error: unknown): string {
  if (isMediaError(error)) return `${error.code} (${error.message})`
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
