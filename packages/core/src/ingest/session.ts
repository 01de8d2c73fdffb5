import { newId } from '../bytes/id.ts'
import { MiB } from '../bytes/sizes.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { BeginSession, CommitContent, Reservation } from '../contracts/catalog.ts'
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
  /** Of a copy: how long nobody else makes it when nothing more is heard of this one. */
  readonly leaseMs?: number
}

/** Room of an owner that a body of unknown length reserves at once, and then again. */
const QUOTA_STEP_BYTES = 8 * MiB

/** One put's hold on catalog and room. Begun late for small bodies, in one transaction with their placement. */
export interface PutSession {
  readonly id: string
  /** `undefined` until it is begun. */
  begun(): { readonly id: string; readonly fence: number } | undefined
  /** How to begin it inside another transaction, for `sizeBytes` on `volume`. */
  plan(volume: Volume, sizeBytes: number): BeginSession
  /** The transaction that carried the plan has begun it. */
  adopted(fence: number): void
  /** Begins it now, without room. @returns the media an earlier put with the same idempotency key made. */
  begin(): Promise<string | undefined>
  /** Begins it where it is not begun, and reserves room on this volume instead of where there was some before. */
  reserveOn(volume: Volume, sizeBytes?: number): Promise<void>
  /** Reserves the room that unknown lengths need on the volume of before, and keeps the session alive. Cheap when nothing is due. */
  onReceived(receivedBytes: number): Promise<void> | undefined
  /** Ends it when it was begun and not committed: room, pins and staged placements go. Never throws. */
  end(): Promise<void>
  committed(): void
  /** Holds at least so much of the owner's quota, where there is one and the session is begun. @throws MediaError MEDIA_QUOTA */
  own(sizeBytes: number): Promise<void>
  /** Of an upload: the id its media will have, and what stays of the session when it is committed. */
  readonly mediaId?: string
  kept?(): NonNullable<CommitContent['keepSession']>
  /** Of an upload: a change of its row that is under way, and that must be written before bytes are published. */
  told?(): Promise<void> | undefined
  /** Of an upload: all bytes are in, and looked at from now on. */
  onWhole?(): void
}

export function createPutSession(context: IngestContext, plan: SessionPlan): PutSession {
  const id = newId(context.clock.now())
  let fence: number | undefined
  let over = false
  /** Where room is reserved, and how much. */
  let room: { readonly volume: Volume; bytes: number } | undefined
  let extendedAtMs = 0
  const quotaBytes = context.quotaOf(plan.namespace, plan.owner)
  const { leaseMs } = plan
  const renewMs = Math.min(context.sessionTtlMs, leaseMs ?? Number.POSITIVE_INFINITY) / 3
  /** Of the owner's quota. */
  let ownedBytes = plan.declaredBytes ?? 0

  const reservations = (): readonly Reservation[] => [
    ...(room === undefined ? [] : roomReservation(room.volume, room.bytes)),
    ...quotaReservation(plan.owner, ownedBytes, quotaBytes),
  ]
  const planned = (): BeginSession => ({
    id,
    namespace: plan.namespace,
    owner: plan.owner,
    ttlMs: context.sessionTtlMs,
    declared: plan.declared,
    ...(plan.idempotencyKey === undefined ? {} : { idempotencyKey: plan.idempotencyKey }),
    reservations: reservations(),
  })
  const begin = async (): Promise<string | undefined> => {
    const answer = await context.catalog.beginSession(planned())
    if (answer.type === 'repeated') return answer.mediaId
    fence = answer.session.fence
    extendedAtMs = context.clock.now()
    return undefined
  }
  const extend = (offsetBytes?: number): Promise<unknown> => {
    if (fence === undefined) return Promise.resolve()
    extendedAtMs = context.clock.now()
    return context.catalog.extendSession(
      { id, fence },
      {
        ttlMs: context.sessionTtlMs,
        ...(offsetBytes === undefined ? {} : { offsetBytes }),
        ...(leaseMs === undefined ? {} : { leaseMs, isPassing: true }),
        reservations: reservations(),
      },
    )
  }

  return {
    id,
    begun: () => (fence === undefined ? undefined : { id, fence }),
    plan(volume, sizeBytes) {
      room = volume.capacityBytes === undefined ? undefined : { volume, bytes: sizeBytes }
      ownedBytes = Math.max(ownedBytes, sizeBytes)
      return planned()
    },
    adopted(given) {
      fence = given
      extendedAtMs = context.clock.now()
    },
    begin,
    async reserveOn(volume, sizeBytes) {
      if (fence !== undefined && room?.volume === volume && room.bytes >= (sizeBytes ?? 0)) return
      const before = room
      room = { volume, bytes: sizeBytes ?? plan.declaredBytes ?? RESERVE_STEP_BYTES }
      try {
        if (fence === undefined) await begin()
        // Volumes without a capacity refuse nothing: what is reserved on them needs no transaction of its own.
        else if (volume.capacityBytes !== undefined || before !== undefined) await extend()
      } catch (error) {
        room = before
        throw error
      }
    },
    onReceived(receivedBytes) {
      if (fence === undefined) return undefined
      const short = room !== undefined && plan.declaredBytes === undefined && receivedBytes > room.bytes
      const overQuota = quotaBytes !== undefined && receivedBytes > ownedBytes
      const fresh = Math.abs(context.clock.now() - extendedAtMs) < renewMs
      if (!short && !overQuota && fresh) return undefined
      if (short && room !== undefined) room.bytes = Math.max(receivedBytes, room.bytes + RESERVE_STEP_BYTES)
      if (!overQuota) return extend(receivedBytes).then(() => {})
      ownedBytes = Math.max(receivedBytes, ownedBytes + QUOTA_STEP_BYTES)
      return extend(receivedBytes).then(
        () => {},
        (error: unknown) => {
          if (!isMediaError(error, 'MEDIA_QUOTA') || ownedBytes === receivedBytes) throw error
          // Near the limit there is no room for a whole step; for what has come there may be.
          ownedBytes = receivedBytes
          return extend(receivedBytes).then(() => {})
        },
      )
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
    async own(sizeBytes) {
      if (quotaBytes === undefined || fence === undefined || ownedBytes >= sizeBytes) return
      ownedBytes = sizeBytes
      await extend()
    },
  }
}

/** Room that a body needs on its volume. */
export function roomReservation(volume: Volume, bytes: number): readonly Reservation[] {
  if (bytes === 0) return []
  const limit = volume.capacityBytes === undefined ? {} : { limitBytes: volume.capacityBytes }
  return [{ subject: { volumeId: volume.id }, bytes, ...limit }]
}

/** What an owner with a quota holds of it. */
export function quotaReservation(
  owner: string,
  bytes: number,
  limitBytes: number | undefined,
): readonly Reservation[] {
  return limitBytes === undefined || bytes === 0 ? [] : [{ subject: { owner }, bytes, limitBytes }]
}
