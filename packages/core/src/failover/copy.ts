import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { destroyOnAbort } from '../bytes/source.ts'
import type { ByteSource } from '../contracts/bytes.ts'
import type { Call } from '../contracts/call.ts'
import type { GetObjectOptions, ObjectHead, ObjectStore, WriteCondition } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** An object as it was read, whole. */
export interface ReadObject {
  readonly head: ObjectHead
  readonly digest: string
}

/** Reads the object to its end; `undefined` when it is absent. */
export async function digestObject(
  store: ObjectStore,
  key: string,
  call: Call,
): Promise<ReadObject | undefined> {
  const reader = await store.get(key, call)
  if (reader === undefined) return undefined
  const hash = createHash('sha256')
  try {
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) hash.update(chunk)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  return { head: reader.head, digest: hash.digest('hex') }
}

/**
 * Copies the object and reads the copy back; resolves with what was copied when both are the same bytes.
 * @returns `undefined` when there is nothing to copy any more.
 * @throws MediaError MEDIA_CORRUPT `copy-differs`, after the copy was taken away again; what either store throws
 */
export async function copyVerified(
  from: ObjectStore,
  to: ObjectStore,
  key: string,
  when: WriteCondition,
  call: Call,
): Promise<ReadObject | undefined> {
  const head = await from.head(key, call)
  if (head === undefined) return undefined
  let hash: Hash | undefined
  const source: ByteSource = {
    sizeBytes: head.sizeBytes,
    open({ range, signal } = {}) {
      // Of the last time that it was read as a whole; read in parts, it is read once more below.
      hash = range === undefined ? createHash('sha256') : undefined
      const chunks = chunksOf(from, head, { ...call, ...(range === undefined ? {} : { range }) }, hash)
      const stream = Readable.from(chunks, { objectMode: false })
      if (signal !== undefined) destroyOnAbort(stream, signal)
      return stream
    },
  }
  await to.put(key, source, {
    ...call,
    ...(to.traits.conditionalPut === 'enforced' ? { when } : {}),
    ...(head.contentType === undefined ? {} : { contentType: head.contentType }),
    ...(head.metadata === undefined ? {} : { metadata: head.metadata }),
  })
  const given = hash?.digest('hex') ?? (await digestObject(from, key, call))?.digest
  const copy = await digestObject(to, key, call)
  if (copy !== undefined && copy.digest === given) return { head, digest: given }
  await to.delete(key, call)
  throw new MediaError('MEDIA_CORRUPT', `${to.name}: the copy of ${JSON.stringify(key)} reads otherwise`, {
    reason: 'copy-differs',
  })
}

async function* chunksOf(
  store: ObjectStore,
  head: ObjectHead,
  options: GetObjectOptions,
  hash: Hash | undefined,
): AsyncGenerator<Uint8Array> {
  if (head.sizeBytes === 0) return
  const reader = await store.get(head.key, options)
  if (reader?.head.etag !== head.etag) {
    await reader?.[Symbol.asyncDispose]()
    throw new MediaError('MEDIA_PRECONDITION', `${store.name}: ${JSON.stringify(head.key)} has changed`)
  }
  try {
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) {
      hash?.update(chunk)
      yield chunk
    }
  } finally {
    await reader[Symbol.asyncDispose]()
  }
}
