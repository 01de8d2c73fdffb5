import { newId } from '../../bytes/id.ts'
import { compareKeys } from '../../bytes/object-key.ts'
import type { Clock } from '../../contracts/clock.ts'
import type {
  ObjectHead,
  PartialPart,
  PutObjectOptions,
  VolumeIdentity,
  WriteCondition,
} from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { MemorySegments } from './journal.ts'

export interface StoredObject {
  readonly head: ObjectHead
  /** Owned by the volume and never changed: readers keep it while a put replaces it. */
  readonly bytes: Uint8Array
}

/** A body that comes in pieces. */
export interface MemoryPart extends PartialPart {
  /** As long as the part, or longer: the rest is zeros. */
  bytes: Uint8Array
  sizeBytes: number
}

/**
 * The bytes behind one or several memory stores, with their room.
 * Room is taken before the first byte arrives: two bodies that each fit alone may not fit together.
 */
export interface MemoryVolume {
  readonly identity: VolumeIdentity
  readonly maxBytes: number
  /** Bytes of objects, and of bodies on their way in. */
  readonly usedBytes: number
  reserve(sizeBytes: number): void
  release(sizeBytes: number): void
  find(key: string): StoredObject | undefined
  checkCondition(key: string, when: WriteCondition | undefined): void
  /** Checks the condition and publishes in one step; takes over the reservation of these bytes. */
  publish(key: string, bytes: Uint8Array, options: PutObjectOptions): ObjectHead
  remove(key: string): void
  /** What the journals of the stores over this volume hold. */
  readonly journal: MemorySegments
  /** Bodies that come in pieces; their bytes are of the room. */
  readonly parts: Map<string, MemoryPart>
  /** Keys in ascending byte order. */
  sortedKeys(): readonly string[]
}

export interface MemoryVolumeOptions {
  readonly maxBytes: number
  readonly clock: Clock
}

export function createMemoryVolume({ maxBytes, clock }: MemoryVolumeOptions): MemoryVolume {
  const objects = new Map<string, StoredObject>()
  const identity: VolumeIdentity = { id: newId(), layout: 1 }
  let sorted: string[] | undefined = []
  let usedBytes = 0
  let puts = 0

  function checkCondition(key: string, when: WriteCondition | undefined): void {
    if (when === undefined) return
    const found = objects.get(key)
    if (when.type === 'absent' ? found === undefined : found?.head.etag === when.etag) return
    throw new MediaError(
      'MEDIA_PRECONDITION',
      `memory: ${describeCondition(when)} does not hold for ${JSON.stringify(key)}`,
    )
  }

  return {
    identity,
    maxBytes,
    get usedBytes() {
      return usedBytes
    },
    reserve(sizeBytes) {
      if (usedBytes + sizeBytes > maxBytes) {
        throw new MediaError(
          'MEDIA_NO_SPACE',
          `memory: no room for ${sizeBytes} bytes, ${usedBytes} of ${maxBytes} are used; raise maxBytes`,
        )
      }
      usedBytes += sizeBytes
    },
    release(sizeBytes) {
      usedBytes -= sizeBytes
    },
    find: (key) => objects.get(key),
    journal: { segments: [[]], hasSnapshot: false },
    parts: new Map(),
    checkCondition,
    publish(key, bytes, options) {
      checkCondition(key, options.when)
      const replaced = objects.get(key)
      if (replaced === undefined) sorted = undefined
      else usedBytes -= replaced.bytes.byteLength
      puts += 1
      const head: ObjectHead = {
        key,
        sizeBytes: bytes.byteLength,
        // The identity keeps etags of two volumes apart; the count changes also when the same bytes come again.
        etag: `${identity.id.slice(-12)}-${puts.toString(16)}`,
        modifiedAt: new Date(clock.now()),
        ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
        ...(options.metadata === undefined ? {} : { metadata: Object.freeze({ ...options.metadata }) }),
      }
      objects.set(key, { head, bytes })
      return head
    },
    remove(key) {
      const found = objects.get(key)
      if (found === undefined) return
      objects.delete(key)
      usedBytes -= found.bytes.byteLength
      sorted = undefined
    },
    sortedKeys() {
      sorted ??= [...objects.keys()].sort(compareKeys)
      return sorted
    },
  }
}

function describeCondition(when: WriteCondition): string {
  return when.type === 'absent' ? 'the condition "absent"' : `the condition "etag is ${when.etag}"`
}
