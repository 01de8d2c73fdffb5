import { checkOpenUploads } from '../../catalog/index.ts'
import type { BeginSession, BegunSession, KeptSession, SessionRecord } from '../../contracts/catalog.ts'
import { IDEMPOTENCY_TTL_MS } from '../../defaults.ts'
import { MediaError } from '../../errors/media-error.ts'
import { changePlacement, unpinBlobs } from './blobs.ts'
import { releaseReservations, reserve } from './reservations.ts'
import { frozenJson } from './snapshots.ts'
import { compositeKey, type MemoryTables, type SessionRow } from './tables.ts'

export interface SessionToken {
  readonly id: string
  readonly fence: number
}

type Begun =
  | { readonly type: 'begun'; readonly session: SessionRow }
  | { readonly type: 'repeated'; readonly mediaId: string }

/** Refuses before it changes anything. */
export function beginSession(tables: MemoryTables, input: BeginSession, nowMs: number): Begun {
  if (tables.sessions.has(input.id)) {
    throw new MediaError('MEDIA_CONFLICT', `memory catalog: the session ${input.id} exists already`, {
      reason: 'session-taken',
    })
  }
  const earlier = findOutcome(tables, input, nowMs)
  if (earlier !== undefined) return { type: 'repeated', mediaId: earlier }

  if (input.upload?.maxOpen !== undefined)
    checkOpenUploads(openUploads(tables, input, nowMs), input.upload.maxOpen)
  const session: SessionRow = {
    id: input.id,
    namespace: input.namespace,
    owner: input.owner,
    fence: tables.lastFence + 1,
    expiresAtMs: nowMs + input.ttlMs,
    offsetBytes: 0,
    declared: frozenJson(input.declared ?? {}),
    lockedUntilMs: undefined,
    idempotencyKey: input.idempotencyKey,
    upload: input.upload && {
      state: input.upload.state,
      endedAtMs: undefined,
      mediaId: undefined,
    },
    reservations: new Map(),
    pins: new Set(),
    staged: new Set(),
  }
  reserve(tables, session, input.reservations ?? [])
  tables.lastFence = session.fence
  tables.sessions.set(session.id, session)
  const key = outcomeKey(input)
  if (key !== undefined) tables.idempotency.set(key, { type: 'under-way', session })
  return { type: 'begun', session }
}

/** The media that an earlier put under this key made. A put whose session has run out is ended: its key is free again. */
function findOutcome(tables: MemoryTables, input: BeginSession, nowMs: number): string | undefined {
  const key = outcomeKey(input)
  const earlier = key === undefined ? undefined : tables.idempotency.get(key)
  if (key === undefined || earlier === undefined) return undefined
  if (earlier.type === 'done') {
    if (nowMs - earlier.doneAtMs < IDEMPOTENCY_TTL_MS) return earlier.mediaId
    tables.idempotency.delete(key)
    return undefined
  }
  if (earlier.session.expiresAtMs > nowMs) {
    throw new MediaError(
      'MEDIA_LOCKED',
      'a put with this idempotency key is under way; try again when it has ended',
      {
        reason: 'idempotency-key',
      },
    )
  }
  endSession(tables, earlier.session, nowMs)
  return undefined
}

/** @throws MediaError MEDIA_LEASE_LOST */
export function sessionOf(tables: MemoryTables, token: SessionToken): SessionRow {
  const session = tables.sessions.get(token.id)
  if (session !== undefined && session.fence === token.fence && !hasEnded(session)) return session
  throw new MediaError(
    'MEDIA_LEASE_LOST',
    `the upload session ${token.id} has ended; start the upload again`,
    {
      reason: 'session-ended',
    },
  )
}

export function hasEnded({ upload }: SessionRow): boolean {
  return upload?.endedAtMs !== undefined
}

function openUploads(tables: MemoryTables, { namespace, owner }: BeginSession, nowMs: number): number {
  let open = 0
  for (const session of tables.sessions.values()) {
    if (session.namespace !== namespace || session.owner !== owner) continue
    if (session.upload !== undefined && !hasEnded(session) && session.expiresAtMs > nowMs) open += 1
  }
  return open
}

/** Drops all that the session holds; its staged placements become `leaving`. The row of an upload stays where it is kept. */
export function endSession(
  tables: MemoryTables,
  session: SessionRow,
  nowMs: number,
  keep?: KeptSession & { readonly mediaId?: string },
): void {
  for (const placement of session.staged) {
    if (placement.state === 'staged')
      changePlacement(tables, placement, { state: 'leaving', leavingSinceMs: nowMs })
  }
  session.staged.clear()
  unpinBlobs(tables, session)
  releaseReservations(tables, session)
  if (keep !== undefined && session.upload !== undefined) {
    session.declared = frozenJson(keep.declared)
    session.expiresAtMs = nowMs + keep.ttlMs
    session.lockedUntilMs = undefined
    Object.assign(session.upload, {
      state: keep.state,
      endedAtMs: nowMs,
      mediaId: keep.mediaId,
    })
  } else tables.sessions.delete(session.id)
  const key = outcomeKey(session)
  const outcome = key === undefined ? undefined : tables.idempotency.get(key)
  if (key !== undefined && outcome?.type === 'under-way' && outcome.session === session)
    tables.idempotency.delete(key)
}

/** Ends the session of a put that succeeded; its idempotency key answers with the media from now on. */
export function completeSession(
  tables: MemoryTables,
  session: SessionRow,
  mediaId: string,
  nowMs: number,
  keep: KeptSession | undefined,
): void {
  endSession(tables, session, nowMs, keep && { ...keep, mediaId })
  const key = outcomeKey(session)
  if (key === undefined) return
  tables.idempotency.set(key, { type: 'done', mediaId, doneAtMs: nowMs })
}

/** Outcomes that no longer count take no room. */
export function forgetOldOutcomes(tables: MemoryTables, nowMs: number): void {
  for (const [key, outcome] of tables.idempotency) {
    if (outcome.type === 'done' && nowMs - outcome.doneAtMs >= IDEMPOTENCY_TTL_MS)
      tables.idempotency.delete(key)
  }
}

export function sessionRecord(session: SessionRow): SessionRecord {
  return {
    id: session.id,
    namespace: session.namespace,
    owner: session.owner,
    fence: session.fence,
    expiresAt: new Date(session.expiresAtMs),
    offsetBytes: session.offsetBytes,
    declared: session.declared,
  }
}

export function begunSession(begun: Begun): BegunSession {
  return begun.type === 'repeated' ? begun : { type: 'begun', session: sessionRecord(begun.session) }
}

function outcomeKey(of: {
  readonly namespace: string
  readonly owner: string
  readonly idempotencyKey?: string | undefined
}): string | undefined {
  return of.idempotencyKey === undefined ? undefined : compositeKey(of.namespace, of.owner, of.idempotencyKey)
}
