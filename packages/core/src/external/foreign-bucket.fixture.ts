import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { clampRange } from '../bytes/range.ts'
import type { ObjectHead, ObjectStore, StoreAttempt } from '../contracts/object-store.ts'
import { withMeter } from '../decorators/index.ts'
import { MediaError } from '../errors/media-error.ts'
import { memoryStore } from '../memory/object-store/index.ts'

type Asked = 'head' | 'get' | 'list' | 'identity'

/** A bucket of somebody else: what they do to it, and what we asked of it. Its etags are those of the bytes, as in S3. */
export interface ForeignBucket {
  readonly store: ObjectStore
  readonly attempts: StoreAttempt[]
  /** Calls of ours that would have changed it. Each throws. */
  readonly writes: string[]
  isDown: boolean
  /** Another bucket answers under its name. */
  isOther: boolean
  /** Called before each answer, for what happens meanwhile. */
  before: ((call: Asked, key: string | undefined) => Promise<void> | void) | undefined
  /** Awaited when an answer is made and still on its way: it is old when it comes. */
  answered: (() => Promise<void>) | undefined
  put(key: string, bytes: Buffer | string, contentType?: string): void
  delete(key: string): void
  count(of: StoreAttempt['class']): number
}

export interface ForeignOptions {
  /** `none`: it lists in the order of the puts. */
  readonly listOrder?: 'key' | 'none'
  readonly pageObjects?: number
  readonly paid?: boolean
}

interface Stored {
  readonly head: ObjectHead
  readonly bytes: Buffer
}

export function foreignBucket(options: ForeignOptions = {}): ForeignBucket {
  const { listOrder = 'key', pageObjects = 1_000, paid = true } = options
  const objects = new Map<string, Stored>()
  const attempts: StoreAttempt[] = []
  const writes: string[] = []
  const refuse = (call: string) => async (): Promise<never> => {
    writes.push(call)
    throw new Error(`${call} at a store that is not ours`)
  }
  const answer = async (call: Asked, key?: string): Promise<void> => {
    await bucket.before?.(call, key)
    if (bucket.isDown)
      throw new MediaError('MEDIA_UNAVAILABLE', 'theirs: connection refused', { reason: 'connection' })
  }
  const listed = (): readonly ObjectHead[] => {
    const heads = [...objects.values()].map(({ head }) => head)
    if (listOrder === 'none') return heads
    return heads.sort((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)))
  }
  const bare: ObjectStore = {
    name: 'theirs',
    traits: {
      ...memoryStore({ name: 'traits' }).traits,
      paid,
      shared: true,
      durability: 'durable',
      listOrder,
    },
    put: refuse('put'),
    delete: refuse('delete'),
    deleteMany: refuse('deleteMany'),
    createWriter: refuse('createWriter'),
    adopt: refuse('adopt'),
    async get(key, { range } = {}) {
      await answer('get', key)
      const found = objects.get(key)
      if (found === undefined) return undefined
      const given = clampRange(range, found.bytes.length)
      const stream = Readable.from([found.bytes.subarray(given.start, given.endExclusive)], {
        objectMode: false,
      })
      return {
        head: found.head,
        range: given,
        stream: () => stream,
        async [Symbol.asyncDispose]() {
          stream.destroy()
        },
      }
    },
    async head(key) {
      await answer('head', key)
      const head = objects.get(key)?.head
      await bucket.answered?.()
      return head
    },
    async list({ prefix = '', cursor = '0' } = {}) {
      await answer('list')
      const heads = listed().filter(({ key }) => key.startsWith(prefix))
      // A listing says no more than S3's: no type.
      const page = heads
        .slice(Number(cursor), Number(cursor) + pageObjects)
        .map(({ contentType: _contentType, ...head }) => head)
      await bucket.answered?.()
      const next = Number(cursor) + page.length
      return next < heads.length ? { objects: page, cursor: String(next) } : { objects: page }
    },
    async identity() {
      await answer('identity')
      return { id: bucket.isOther ? 'bucket-other' : 'bucket-theirs', layout: 1 }
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  }
  const store = withMeter(bare)
  store.observe?.((attempt) => void attempts.push(attempt))
  const bucket: ForeignBucket = {
    store,
    attempts,
    writes,
    isDown: false,
    isOther: false,
    before: undefined,
    answered: undefined,
    put(key, given, contentType) {
      const bytes = Buffer.from(given)
      const etag = createHash('md5').update(bytes).digest('hex')
      const type = contentType === undefined ? {} : { contentType }
      const head = { key, sizeBytes: bytes.length, etag, modifiedAt: new Date(), ...type }
      objects.set(key, { head, bytes })
    },
    delete: (key) => void objects.delete(key),
    count: (of) => attempts.filter((attempt) => attempt.class === of).length,
  }
  return bucket
}
