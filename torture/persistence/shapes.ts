import { type FsStore, fsStore } from '@mediakeep/adapters/fs'
import {
  type ByteSource,
  bytesSource,
  type Durability,
  digestOf,
  type PutObjectOptions,
} from '@mediakeep/core'
import { createDisk, type Disk } from '../fault-fs/disk.ts'
import { atOnce, createProcess } from '../fault-fs/process.ts'
import { type Image, ROOT } from '../simulation/image.ts'
import type { Trace } from './states.ts'
import { recordOn } from './trace.ts'

/** What a key may give: bytes with what belongs to them, or nothing. */
export interface Content {
  readonly text: string
  readonly contentType: string | undefined
}

/** One act of the store, and what its key gives before and after it. */
export interface Shape {
  readonly name: string
  readonly key: string
  readonly before: Content | undefined
  readonly after: Content | undefined
  prepare?(store: FsStore): Promise<unknown>
  act(store: FsStore): Promise<unknown>
}

const hex = 'ab'.repeat(32)
const once = `ab/${hex}.01`
const small: Content = { text: 's'.repeat(1_300), contentType: undefined }
const large: Content = { text: 'l'.repeat(2_600), contentType: undefined }
const typed = (text: string, contentType: string): Content => ({ text, contentType })
const longKey = `long/${'k'.repeat(300)}`

const source = ({ text }: Content): ByteSource => bytesSource(Buffer.from(text))
const streamed = (content: Content): ByteSource => {
  const { sizeBytes, open } = source(content)
  return { sizeBytes, open }
}
const options = ({ contentType }: Content): PutObjectOptions =>
  contentType === undefined ? {} : { contentType }
const put =
  (key: string, content: Content) =>
  (store: FsStore): Promise<unknown> =>
    store.put(key, source(content), options(content))

export const shapes: readonly Shape[] = [
  { name: 'a new small object', key: once, before: undefined, after: small, act: put(once, small) },
  {
    name: 'a new object from a stream',
    key: once,
    before: undefined,
    after: large,
    act: (store) => store.put(once, streamed(large)),
  },
  {
    name: 'a staged body that is adopted',
    key: once,
    before: undefined,
    after: large,
    async act(store) {
      const writer = await store.staging.create({ name: 'session', sizeBytes: large.text.length })
      await writer.write(Buffer.from(large.text))
      const { path = '' } = await writer.finish(digestOf(Buffer.from(large.text)))
      await store.adopt(once, path)
    },
  },
  {
    name: 'an empty object',
    key: 'empty',
    before: undefined,
    after: typed('', 'text/plain'),
    act: put('empty', typed('', 'text/plain')),
  },
  {
    name: 'a duplicate, refused',
    key: once,
    before: small,
    after: small,
    prepare: put(once, small),
    act: (store) => store.put(once, source(large), { when: { type: 'absent' } }).catch(() => {}),
  },
  {
    name: 'a new object where there must be none',
    key: 'photo',
    before: undefined,
    after: small,
    act: (store) => store.put('photo', source(small), { when: { type: 'absent' } }),
  },
  {
    name: 'a replacement',
    key: 'photo',
    before: small,
    after: large,
    prepare: put('photo', small),
    act: put('photo', large),
  },
  {
    name: 'a replacement with a sidecar for one with another',
    key: longKey,
    before: typed('old', 'image/png'),
    after: typed('new bytes', 'image/gif'),
    prepare: put(longKey, typed('old', 'image/png')),
    act: put(longKey, typed('new bytes', 'image/gif')),
  },
  {
    name: 'a delete',
    key: once,
    before: small,
    after: undefined,
    prepare: put(once, small),
    act: (store) => store.delete(once),
  },
  {
    name: 'a delete with a sidecar',
    key: 'photo',
    before: typed('old', 'image/png'),
    after: undefined,
    prepare: put('photo', typed('old', 'image/png')),
    act: (store) => store.delete('photo'),
  },
]

/**
 * What the real store does for this shape, call by call.
 * @param acknowledged called with the number of calls so far when `act` says that it was given an answer
 */
export async function traceOf(
  shape: Pick<Shape, 'prepare'> & { act(store: FsStore, answered: () => void): Promise<unknown> },
  durability: Durability,
  image: Image,
  acknowledged: (calls: number) => void = () => {},
): Promise<Trace> {
  const disk = createDisk({ now: () => 0, order: 'weak' })
  image.apply(disk, 'model')
  const recorder = recordOn(disk)
  const store = fsStore({ root: ROOT, fs: recorder.fs, durability, clock: STILL })
  await store.open()
  recorder.calls.length = 0
  await shape.prepare?.(store)
  const before = recorder.calls.splice(0)
  await shape.act(store, () => acknowledged(recorder.calls.length))
  const calls = recorder.calls.splice(0)
  await store.close()
  const shards = new Set([...before, ...calls].flatMap(({ args }) => args.flatMap((arg) => shardIn(arg))))
  return { directories: [ROOT, `${ROOT}/objects`, `${ROOT}/staging`, ...shards], before, calls }
}

const STILL = { now: (): number => 0, after: (): (() => void) => () => {} }

function shardIn(argument: unknown): readonly string[] {
  const shard = typeof argument === 'string' ? /^.*\/objects\/../.exec(argument)?.[0] : undefined
  return shard === undefined ? [] : [shard]
}

/** The real store over whatever disk is put under it: opening one for each state would cost most of the time. */
export async function createStateStore(image: Image): Promise<(disk: Disk) => FsStore> {
  let under = createDisk({ now: () => 0, order: 'weak' })
  image.apply(under, 'model')
  const disk = new Proxy(under, {
    get: (_, property): unknown => Reflect.get(under, property),
  })
  const store = fsStore({ root: ROOT, fs: createProcess(disk, atOnce).fs, clock: STILL, maxIdleFiles: 0 })
  await store.open()
  return (left) => {
    under = left
    return store
  }
}

export interface StateReader {
  read(disk: Disk, key: string): Promise<Content | undefined>
}

export async function createStateReader(image: Image): Promise<StateReader> {
  const storeOn = await createStateStore(image)
  return {
    async read(disk, key) {
      const reader = await storeOn(disk).get(key)
      if (reader === undefined) return undefined
      const parts: Buffer[] = []
      for await (const part of reader.stream()) parts.push(Buffer.from(part as Uint8Array))
      return { text: Buffer.concat(parts).toString(), contentType: reader.head.contentType }
    },
  }
}
