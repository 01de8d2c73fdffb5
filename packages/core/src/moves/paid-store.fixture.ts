import type { ObjectStore, StoreAttempt, StoreTraits } from '../contracts/object-store.ts'
import type { PriceTable } from '../contracts/tiering.ts'
import { withMeter } from '../decorators/index.ts'
import { MediaError } from '../errors/media-error.ts'
import { type MemoryVolume, memoryStore } from '../memory/object-store/index.ts'

export const PRICES: PriceTable = {
  perRequest: { put: 5e-6, part: 5e-6, multipart: 5e-6, list: 5e-6, get: 0.4e-6, head: 0.4e-6 },
  perGigabyteOut: 0.09,
  perGigabyteMonth: 0.023,
}

export interface PaidStore {
  readonly store: ObjectStore
  readonly attempts: StoreAttempt[]
  /** Every call fails while it is down. */
  isDown: boolean
  /** Attempts of a class. */
  count(of: StoreAttempt['class']): number
  keys(): Promise<readonly string[]>
}

/** What an object store far away looks like: paid, shared, without files or staging. */
export function paidStore(volume?: MemoryVolume, id = 'bucket'): PaidStore {
  const inner = memoryStore({ name: 's3', ...(volume === undefined ? {} : { volume }) })
  const traits: StoreTraits = { ...inner.traits, paid: true, shared: true, durability: 'durable' }
  const attempts: StoreAttempt[] = []
  const up = (): void => {
    if (paid.isDown)
      throw new MediaError('MEDIA_UNAVAILABLE', 's3: connection refused', { reason: 'connection' })
  }
  const bare: ObjectStore = {
    name: 's3',
    traits,
    put: async (key, source, options) => {
      up()
      return inner.put(key, source, options)
    },
    get: async (key, options) => {
      up()
      return inner.get(key, options)
    },
    head: async (key, call) => {
      up()
      return inner.head(key, call)
    },
    delete: async (key, call) => {
      up()
      return inner.delete(key, call)
    },
    deleteMany: async (keys, call) => {
      up()
      return inner.deleteMany(keys, call)
    },
    list: async (options) => {
      up()
      return inner.list(options)
    },
    identity: async () => {
      up()
      return { id, layout: 1 }
    },
    createWriter: async (key, call) => {
      up()
      if (inner.createWriter === undefined) throw new Error('the memory store has a writer')
      return inner.createWriter(key, call)
    },
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  }
  const store = withMeter(bare)
  store.observe?.((attempt) => void attempts.push(attempt))
  const paid: PaidStore = {
    store,
    attempts,
    isDown: false,
    count: (of) => attempts.filter((attempt) => attempt.class === of).length,
    keys: async () => (await inner.list()).objects.map(({ key }) => key),
  }
  return paid
}
