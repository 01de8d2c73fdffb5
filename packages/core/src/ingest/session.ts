import { newId } from '../bytes/id.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { BeginSession, Reservation } from '../contracts/catalog.ts'
import { RESERVE_STEP_BYTES } from '../defaults.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import type { IngestContext } from './context.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

export interface SessionPlan {
  readonly namespace: string
  readonly owner: string
  readonly idempotencyKey: string | undefined
  readonly declaredBytes: number | undefined
  readonly declared: JsonObject
}

/** One put's hold on catalog and room. Begun late for small bodies, in one transaction with their placement. */
export interface PutSession {
  readonly id: string
  /** `undefined` until it is begun. */
  readonly begun: { readonly id: string; readonly fence: number } | undefined
  /** How to begin it inside another transaction, for `sizeBytes` on `volume`. */
  plan(volume: Volume, sizeBytes: number): BeginSession
  /** The transaction that carried the plan has begun it. */
  adopted(fence: number): void
  /** Begins it now. @returns the media an earlier put with the same idempotency key made. */
  begin(volume: Volume | undefined): Promise<string | undefined>
  /** Reserves room for a body of known size, where the session was begun without. */
  reserve(volume: Volume, sizeBytes: number): Promise<void>
  /** Reserves room that unknown lengths need, and keeps the session alive. Cheap when nothing is due. */
  onReceived(receivedBytes: number, volume: Volume | undefined): Promise<void> | undefined
  /** Ends it when it was begun and not committed: room, pins and staged placements go. Never throws. */
  end(): Promise<void>
  committed(): void
}

export function createPutSession(context: IngestContext, plan: SessionPlan): PutSession {
  const id = newId(context.clock.now())
  let fence: number | undefined
  let over = false
  /** Begun for its idempotency key alone: before anything was known of room. */
  let unreserved = false
  let reservedBytes = 0
  let extendedAtMs = 0

  const reservations = (volume: Volume | undefined, bytes: number): readonly Reservation[] => {
    if (volume === undefined || bytes === 0) return []
    const limit = volume.capacityBytes === undefined ? {} : { limitBytes: volume.capacityBytes }
    return [{ subject: { volumeId: volume.id }, bytes, ...limit }]
  }
  const planned = (volume: Volume | undefined, bytes: number): BeginSession => ({
    id,
    namespace: plan.namespace,
    owner: plan.owner,
    ttlMs: context.sessionTtlMs,
    declared: plan.declared,
    ...(plan.idempotencyKey === undefined ? {} : { idempotencyKey: plan.idempotencyKey }),
    reservations: reservations(volume, bytes),
  })

  const extend = (volume: Volume | undefined, bytes: number, offsetBytes?: number): Promise<unknown> => {
    if (fence === undefined) return Promise.resolve()
    extendedAtMs = context.clock.now()
    return context.catalog.extendSession(
      { id, fence },
      {
        ttlMs: context.sessionTtlMs,
        ...(offsetBytes === undefined ? {} : { offsetBytes }),
        reservations: reservations(volume, bytes),
      },
    )
  }
  const reserve = async (volume: Volume | undefined, bytes: number): Promise<void> => {
    if (!unreserved || volume === undefined) return
    unreserved = false
    reservedBytes = bytes
    await extend(volume, bytes)
  }

  return {
    id,
    get begun() {
      return fence === undefined ? undefined : { id, fence }
    },
    plan: (volume, sizeBytes) => planned(volume.capacityBytes === undefined ? undefined : volume, sizeBytes),
    adopted(given) {
      fence = given
    },
    async begin(volume) {
      if (fence !== undefined) {
        await reserve(volume, plan.declaredBytes ?? RESERVE_STEP_BYTES)
        return undefined
      }
      unreserved = volume === undefined
      reservedBytes = plan.declaredBytes ?? (volume === undefined ? 0 : RESERVE_STEP_BYTES)
      const answer = await context.catalog.beginSession(planned(volume, reservedBytes))
      if (answer.type === 'repeated') return answer.mediaId
      fence = answer.session.fence
      extendedAtMs = context.clock.now()
      return undefined
    },
    async reserve(volume, sizeBytes) {
      if (volume.capacityBytes !== undefined) await reserve(volume, sizeBytes)
    },
    onReceived(receivedBytes, volume) {
      if (fence === undefined) return undefined
      const short = !unreserved && plan.declaredBytes === undefined && receivedBytes > reservedBytes
      const fresh = Math.abs(context.clock.now() - extendedAtMs) < context.sessionTtlMs / 3
      if (!short && fresh) return undefined
      if (short) reservedBytes = Math.max(receivedBytes, reservedBytes + RESERVE_STEP_BYTES)
      return extend(volume, reservedBytes, receivedBytes).then(() => {})
    },
    async end() {
      if (fence === undefined || over) return
      over = true
      try {
        await context.catalog.endSession({ id, fence })
      } catch (error) {
        // The session ends by itself when its time is over; the put's own failure is what the caller must see.
        if (isMediaError(error)) tellUpkeepFailed(context, 'end-session', error)
      }
    },
    committed() {
      over = true
    },
  }
}
