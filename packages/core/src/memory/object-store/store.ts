import { setMaxListeners } from 'node:events'
import { checkDigest } from '../../bytes/declared.ts'
import { digestOf } from '../../bytes/digest.ts'
import { checkObjectKey } from '../../bytes/object-key.ts'
import { createObjectReader } from '../../bytes/object-reader.ts'
import { clampRange } from '../../bytes/range.ts'
import type { ByteSource } from '../../contracts/bytes.ts'
import type { Call } from '../../contracts/call.ts'
import type { Clock } from '../../contracts/clock.ts'
import type {
  DeleteResult,
  ObjectStore,
  PutObjectOptions,
  StoreTraits,
} from '../../contracts/object-store.ts'
import { MEMORY_STORE_MAX_BYTES } from '../../defaults.ts'
import { MediaError } from '../../errors/media-error.ts'
import { type CallScope, openCallScope } from '../../time/call-scope.ts'
import { systemClock } from '../../time/clock.ts'
import { readBody } from './body.ts'
import { createMemoryJournal } from './journal.ts'
import { listPage } from './list.ts'
import { createMemoryPartials } from './partials.ts'
import { createMemoryFile, createMemoryStream } from './reader.ts'
import { createMemoryStaging } from './staging.ts'
import { createMemoryVolume, type MemoryVolume } from './volume.ts'
import { createMemoryWriter } from './writer.ts'

const MAX_KEY_BYTES = 1024

export interface MemoryStoreOptions {
  /** Default `memory`. */
  readonly name?: string
  /** Room for objects and for bodies on their way in; over it MEDIA_NO_SPACE. Default 1 GiB. Not with `volume`. */
  readonly maxBytes?: number
  /** Room for staged bodies, beside `maxBytes`; over it MEDIA_BUSY. Default: as `maxBytes`. */
  readonly stagingBudgetBytes?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Bytes shared with another store, as two processes share a bucket. Default: its own. */
  readonly volume?: MemoryVolume
}

export interface MemoryStore extends ObjectStore {
  readonly volume: MemoryVolume
  /** Readers, files and writers that were opened and not yet freed. */
  readonly openCount: number
}

/**
 * Objects in this process' memory: for tests, and for hosts that keep nothing.
 * Complete except for paths: no `adopt`, `localPath`, `presign`. Bytes are copied in and out, so nobody can change what is stored.
 * @throws MediaError MEDIA_NO_SPACE from `put` when `maxBytes` would be passed.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { name = 'memory', clock = systemClock } = options
  const volume =
    options.volume ?? createMemoryVolume({ maxBytes: options.maxBytes ?? MEMORY_STORE_MAX_BYTES, clock })
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one per call under way
  const staging = createMemoryStaging(
    options.stagingBudgetBytes ?? volume.maxBytes,
    createMemoryPartials(volume, closing.signal, () => count()),
  )
  let openCount = 0

  const traits: StoreTraits = {
    maxObjectBytes: volume.maxBytes,
    maxKeyBytes: MAX_KEY_BYTES,
    minPartBytes: 0,
    paid: false,
    shared: false,
    durability: 'none',
    conditionalPut: 'enforced',
    retries: false,
    listOrder: 'key',
  }

  const scopeOf = (call?: Call): CallScope => openCallScope(call, clock, closing.signal)
  const enter = (key: string, call?: Call): CallScope => {
    const scope = scopeOf(call)
    try {
      checkObjectKey(name, key, MAX_KEY_BYTES)
    } catch (error) {
      scope.release()
      throw error
    }
    return scope
  }
  const count = (): (() => void) => {
    openCount += 1
    return () => {
      openCount -= 1
    }
  }

  async function put(key: string, source: ByteSource, options: PutObjectOptions = {}) {
    const scope = enter(key, options)
    let reservedBytes = 0
    try {
      if (!Number.isSafeInteger(source.sizeBytes) || source.sizeBytes < 0) {
        throw new MediaError('MEDIA_BAD_INPUT', `${name}: ${source.sizeBytes} is no length of a body`, {
          reason: 'size-mismatch',
        })
      }
      if (source.sizeBytes > traits.maxObjectBytes) {
        throw new MediaError(
          'MEDIA_TOO_LARGE',
          `${name}: ${source.sizeBytes} bytes, at most ${traits.maxObjectBytes} are taken`,
        )
      }
      volume.checkCondition(key, options.when) // early, so that a body that would be refused is not read
      volume.reserve(source.sizeBytes)
      reservedBytes = source.sizeBytes
      const bytes = await readBody(source, scope)
      if (options.checksum !== undefined) checkDigest(digestOf(bytes), options.checksum)
      const head = volume.publish(key, bytes, options)
      reservedBytes = 0
      return head
    } finally {
      volume.release(reservedBytes)
      scope.release()
    }
  }

  async function deleteObject(key: string, call?: Call): Promise<void> {
    const scope = enter(key, call)
    volume.remove(key)
    scope.release()
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    closing.abort(new MediaError('MEDIA_CLOSED', `${name}: the store is closed`))
    staging.close()
  }

  return {
    name,
    traits,
    volume,
    staging,
    journal: createMemoryJournal(volume.journal, (call) => scopeOf(call).release()),
    get openCount() {
      return openCount
    },
    put,
    async get(key, options = {}) {
      const scope = enter(key, options)
      try {
        const found = volume.find(key)
        if (found === undefined) {
          scope.release()
          return undefined
        }
        const range = clampRange(options.range, found.head.sizeBytes)
        return createObjectReader({
          head: found.head,
          range,
          scope,
          open: () => createMemoryStream(found.bytes, range),
          onFreed: count(),
        })
      } catch (error) {
        scope.release()
        throw error
      }
    },
    async head(key, call) {
      enter(key, call).release()
      return volume.find(key)?.head
    },
    delete: deleteObject,
    async deleteMany(keys, call) {
      scopeOf(call).release()
      return keys.map((key): DeleteResult => {
        try {
          checkObjectKey(name, key, MAX_KEY_BYTES)
          volume.remove(key)
          return { key }
        } catch (error) {
          return { key, error: error instanceof Error ? error : new Error(String(error)) }
        }
      })
    },
    async list(options = {}) {
      scopeOf(options).release()
      return listPage(volume, options)
    },
    close,
    [Symbol.asyncDispose]: close,
    async open() {
      scopeOf().release()
    },
    async identity() {
      scopeOf().release()
      return volume.identity
    },
    async createWriter(key, call) {
      const scope = enter(key, call)
      return createMemoryWriter(volume, key, scope, scopeOf, count())
    },
    async openFile(key, call) {
      enter(key, call).release()
      const found = volume.find(key)
      return found === undefined ? undefined : createMemoryFile(found, closing.signal, count())
    },
  }
}
