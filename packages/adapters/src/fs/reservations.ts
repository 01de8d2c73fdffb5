import { MediaError, STAGING_STEP_BYTES } from '@mediakeep/core'
import { roomOf } from './room.ts'
import type { Volume } from './volume-state.ts'

/** Bytes promised to one body. */
export interface Reservation {
  /** Makes sure that the body may have this many bytes; grows in steps, so that few writes ask the file system. */
  grow(toBytes: number): Promise<void>
  shrink(toBytes: number): void
  /** Idempotent. */
  release(): void
}

export interface Reservations {
  readonly usedBytes: number
  /** @throws MediaError MEDIA_BUSY over the budget, MEDIA_NO_SPACE when the file system has no room for it. */
  reserve(sizeBytes: number): Promise<Reservation>
  /** That so many bytes fit beside what is reserved, now. @throws MediaError MEDIA_NO_SPACE */
  checkRoom(sizeBytes: number): Promise<void>
}

interface Budget {
  readonly budgetBytes: number
  readonly headRoomBytes: number
}

/** Room is taken before the first byte arrives: two bodies that each fit alone may not fit together. */
export function createReservations(volume: Volume, { budgetBytes, headRoomBytes }: Budget): Reservations {
  const { storeName } = volume
  let usedBytes = 0
  /** Reserved, not written yet: the file system still calls it free. */
  let unwrittenBytes = 0

  async function take(sizeBytes: number): Promise<void> {
    if (usedBytes + sizeBytes > budgetBytes) {
      const message = `${storeName}: staging has no room for ${sizeBytes} bytes, ${usedBytes} of ${budgetBytes} are used`
      throw new MediaError('MEDIA_BUSY', message, { reason: 'staging-full' })
    }
    usedBytes += sizeBytes
    unwrittenBytes += sizeBytes
    try {
      await checkRoom(sizeBytes, () => unwrittenBytes)
    } catch (error) {
      usedBytes -= sizeBytes
      unwrittenBytes -= sizeBytes
      throw error
    }
  }

  async function checkRoom(sizeBytes: number, neededBytes: () => number): Promise<void> {
    const free = sizeBytes === 0 ? undefined : await roomOf(volume).catch(() => undefined) // a store that cannot ask goes on until it is full
    if (free === undefined || free.freeBytes - headRoomBytes >= neededBytes()) return
    const message = `${storeName}: the file system of ${volume.paths.root} has ${free.freeBytes} bytes free, ${headRoomBytes} of them kept back; no room for ${sizeBytes}`
    throw new MediaError('MEDIA_NO_SPACE', message, { reason: 'disk-full' })
  }

  return {
    get usedBytes() {
      return usedBytes
    },
    checkRoom: (sizeBytes) => checkRoom(sizeBytes, () => unwrittenBytes + sizeBytes),
    async reserve(sizeBytes) {
      await take(sizeBytes)
      let reservedBytes = sizeBytes
      let writtenBytes = 0
      let released = false
      const written = (toBytes: number): void => {
        unwrittenBytes -= toBytes - writtenBytes
        writtenBytes = toBytes
      }
      return {
        async grow(toBytes) {
          const missingBytes = toBytes - reservedBytes
          if (missingBytes > 0) {
            const stepBytes = Math.max(missingBytes, Math.min(STAGING_STEP_BYTES, budgetBytes - usedBytes))
            await take(stepBytes)
            reservedBytes += stepBytes
            if (released) {
              usedBytes -= stepBytes
              unwrittenBytes -= stepBytes
            }
          }
          if (!released) written(toBytes)
        },
        shrink(toBytes) {
          if (released) return
          usedBytes -= reservedBytes - toBytes
          unwrittenBytes -= reservedBytes - writtenBytes
          reservedBytes = toBytes
          writtenBytes = toBytes
        },
        release() {
          if (released) return
          released = true
          usedBytes -= reservedBytes
          unwrittenBytes -= reservedBytes - writtenBytes
        },
      }
    },
  }
}
