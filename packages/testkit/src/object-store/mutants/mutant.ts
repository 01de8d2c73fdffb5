import { Readable } from 'node:stream'
import {
  bytesSource,
  type Call,
  type MemoryVolume,
  type ObjectHead,
  type ObjectReader,
  type ObjectStore,
  type PutObjectOptions,
} from '@mediakeep/core'
import { drain } from '../expect.ts'
import type { Held } from '../memory-harness.ts'

/** A store broken in one way, and the cases that must see it. */
export interface StoreMutant {
  readonly id: string
  /** What it does wrong, as a reviewer would say it. */
  readonly fault: string
  /** Judged on a memory store with files beside it. */
  readonly local?: true
  /** Ids of cases, each of which fails on this store. */
  readonly convictedBy: readonly string[]
  break(store: ObjectStore, held: Held, volume: MemoryVolume): ObjectStore
}

/** The store with some members replaced. Stores here are plain objects, so spreading keeps all others. */
export function over(store: ObjectStore, members: Partial<ObjectStore>): ObjectStore {
  return { ...store, ...members }
}

/** The store whose heads are changed wherever they are told. */
export function withHeads(store: ObjectStore, change: (head: ObjectHead) => ObjectHead): ObjectStore {
  return over(store, {
    put: async (key, source, options) => change(await store.put(key, source, options)),
    async head(key, call) {
      const head = await store.head(key, call)
      return head === undefined ? undefined : change(head)
    },
    async get(key, options) {
      const reader = await store.get(key, options)
      return reader === undefined ? undefined : withReader(reader, { head: change(reader.head) })
    },
    async list(options) {
      const page = await store.list(options)
      return { ...page, objects: page.objects.map(change) }
    },
  })
}

export function withReader(reader: ObjectReader, members: Partial<ObjectReader>): ObjectReader {
  return {
    head: reader.head,
    range: reader.range,
    stream: () => reader.stream(),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    ...members,
  }
}

/** The store that knows keys under other names than it is given. */
export function withKeys(
  store: ObjectStore,
  rename: (key: string) => string,
  back: (key: string) => string = (key) => key,
): ObjectStore {
  const renamed = over(store, {
    put: (key, source, options) => store.put(rename(key), source, options),
    get: (key, options) => store.get(rename(key), options),
    head: (key, call) => store.head(rename(key), call),
    delete: (key, call) => store.delete(rename(key), call),
    deleteMany: (keys, call) => store.deleteMany(keys.map(rename), call),
    ...(store.createWriter === undefined
      ? {}
      : { createWriter: (key, call) => present(store.createWriter)(rename(key), call) }),
    ...(store.openFile === undefined
      ? {}
      : { openFile: (key, call) => present(store.openFile)(rename(key), call) }),
  })
  return withHeads(renamed, (head) => ({ ...head, key: back(head.key) }))
}

/** Every call with its options changed. */
export function withCalls(
  store: ObjectStore,
  change: <Options extends Call>(options: Options | undefined) => Options | undefined,
): ObjectStore {
  return over(store, {
    put: (key, source, options) => store.put(key, source, change(options)),
    get: (key, options) => store.get(key, change(options)),
    head: (key, call) => store.head(key, change(call)),
    delete: (key, call) => store.delete(key, change(call)),
    deleteMany: (keys, call) => store.deleteMany(keys, change(call)),
    list: (options) => store.list(change(options)),
    ...(store.createWriter === undefined
      ? {}
      : { createWriter: (key, call) => present(store.createWriter)(key, change(call)) }),
  })
}

export function present<Member>(member: Member | undefined): Member {
  if (member === undefined) throw new Error('the store lacks the member')
  return member
}

/** The whole object through the store itself. */
export async function readWhole(store: ObjectStore, key: string): Promise<Buffer | undefined> {
  const reader = await store.get(key)
  return reader === undefined ? undefined : drain(reader.stream())
}

export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from(bytes.byteLength === 0 ? [] : [bytes], { objectMode: false })
}

export function sourceOf(bytes: Uint8Array): ReturnType<typeof bytesSource> {
  return bytesSource(bytes)
}

/** Options without those that the mutant has seen to itself. */
export function without<Key extends keyof PutObjectOptions>(
  options: PutObjectOptions | undefined,
  key: Key,
): Omit<PutObjectOptions, Key> {
  const { [key]: _dropped, ...rest } = options ?? {}
  return rest
}

/** An etag as HTTP writes it. */
export function quoted(etag: string): string {
  return `"${etag}"`
}
