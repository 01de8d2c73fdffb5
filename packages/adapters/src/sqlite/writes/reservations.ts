import { MediaError, type Reservation } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'

/** Whose reservation it is. */
export interface ReservingSession {
  readonly id: StoredId
  readonly namespace: string
}

type Subject =
  | { readonly volumeId: string; readonly owner: null }
  | { readonly volumeId: null; readonly owner: string }

type Wanted = Subject & {
  readonly bytes: number
  readonly limitBytes: number | undefined
}

interface Sum {
  readonly bytes: number
}

/**
 * Sets what the session holds for each subject given; others stay as they are.
 * Two puts that each fit alone may not fit together: what others have reserved counts like what is stored.
 * @throws MediaError MEDIA_NO_SPACE for a volume, MEDIA_QUOTA for an owner, when a limit would be passed.
 */
export function reserve(
  tx: Transaction,
  session: ReservingSession,
  reservations: readonly Reservation[],
): void {
  for (const wanted of perSubject(reservations)) {
    const volumeId = wanted.volumeId === null ? null : storeId(wanted.volumeId)
    tx.sql('DELETE FROM reservations WHERE sessionId = ? AND volumeId IS ? AND owner IS ?').run(
      session.id,
      volumeId,
      wanted.owner,
    )
    const { bytes, limitBytes } = wanted
    if (limitBytes !== undefined && usedBytes(tx, session.namespace, wanted) + bytes > limitBytes)
      throw overLimit(wanted, bytes, limitBytes)
    if (bytes === 0) continue
    tx.sql(
      'INSERT INTO reservations(sessionId, volumeId, namespace, owner, bytes) VALUES (?, ?, ?, ?, ?)',
    ).run(session.id, volumeId, session.namespace, wanted.owner, bytes)
  }
}

/** What the session held is free. */
export function removeReservations(tx: Transaction, sessionId: StoredId): void {
  tx.sql('DELETE FROM reservations WHERE sessionId = ?').run(sessionId)
}

/** One entry for each subject: bytes add up, the lowest limit counts. */
function perSubject(reservations: readonly Reservation[]): Iterable<Wanted> {
  const wanted = new Map<string, Wanted>()
  for (const { subject, bytes, limitBytes } of reservations) {
    const name = 'volumeId' in subject ? `v${subject.volumeId}` : `o${subject.owner}`
    const earlier = wanted.get(name)
    const limits = [earlier?.limitBytes, limitBytes].filter((limit) => limit !== undefined)
    wanted.set(name, {
      ...('volumeId' in subject
        ? { volumeId: subject.volumeId, owner: null }
        : { volumeId: null, owner: subject.owner }),
      bytes: bytes + (earlier?.bytes ?? 0),
      limitBytes: limits.length === 0 ? undefined : Math.min(...limits),
    })
  }
  return wanted.values()
}

// Reservations live as long as an upload: there are few, and a scan of them all is cheaper than an index to keep.
function usedBytes(tx: Transaction, namespace: string, subject: Subject): number {
  if (subject.volumeId !== null) {
    const id = storeId(subject.volumeId)
    const used = tx
      .sql<Sum>(
        `SELECT coalesce((SELECT storedBytes FROM volume_totals WHERE volumeId = ?), 0)
           + coalesce((SELECT sum(bytes) FROM reservations WHERE volumeId = ?), 0) AS bytes`,
      )
      .get(id, id)
    return (used?.bytes ?? 0) + tx.totals.volumeBytes(subject.volumeId)
  }
  const { owner } = subject
  const used = tx
    .sql<Sum>(
      `SELECT coalesce((SELECT logicalBytes FROM owner_totals WHERE namespace = ? AND owner = ?), 0)
         + coalesce((SELECT sum(bytes) FROM reservations WHERE namespace = ? AND owner = ?), 0) AS bytes`,
    )
    .get(namespace, owner, namespace, owner)
  return (used?.bytes ?? 0) + tx.totals.ownerBytes(namespace, owner)
}

function overLimit(subject: Subject, bytes: number, limitBytes: number): MediaError {
  return subject.volumeId === null
    ? new MediaError(
        'MEDIA_QUOTA',
        `owner ${subject.owner}: ${bytes} more bytes would pass the quota of ${limitBytes}`,
        { reason: 'owner-quota' },
      )
    : new MediaError(
        'MEDIA_NO_SPACE',
        `the volume: ${bytes} more bytes would pass its ${limitBytes}; raise its capacity or add a tier`,
        { reason: 'volume-full' },
      )
}
