import type { Reservation } from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { addTo, compositeKey, type MemoryTables, namespaceOf, type SessionRow, volumeOf } from './tables.ts'

/**
 * Sets what the session holds for each subject given, all or none.
 * @throws MediaError MEDIA_NO_SPACE for a volume, MEDIA_QUOTA for an owner, when a limit would be passed.
 */
export function reserve(
  tables: MemoryTables,
  session: SessionRow,
  reservations: readonly Reservation[],
): void {
  const wanted = new Map<string, Reservation>()
  for (const reservation of reservations) {
    const name = subjectKey(reservation.subject)
    const earlier = wanted.get(name)
    wanted.set(name, earlier === undefined ? reservation : joined(earlier, reservation))
  }
  for (const [name, { subject, bytes, limitBytes }] of wanted) {
    if (limitBytes === undefined) continue
    const held = session.reservations.get(name)?.bytes ?? 0
    if (usedBytes(tables, session, subject) - held + bytes > limitBytes)
      throw overLimit(subject, bytes, limitBytes)
  }
  for (const [name, { subject, bytes }] of wanted) {
    const held = session.reservations.get(name)?.bytes ?? 0
    addReserved(tables, session, subject, bytes - held)
    if (bytes === 0) session.reservations.delete(name)
    else session.reservations.set(name, { subject, bytes })
  }
}

export function releaseReservations(tables: MemoryTables, session: SessionRow): void {
  for (const { subject, bytes } of session.reservations.values())
    addReserved(tables, session, subject, -bytes)
  session.reservations.clear()
}

/** Stored and reserved. */
function usedBytes(tables: MemoryTables, session: SessionRow, subject: Reservation['subject']): number {
  if ('volumeId' in subject) {
    const volume = tables.volumes.get(subject.volumeId)
    return volume === undefined ? 0 : volume.storedBytes + volume.reservedBytes
  }
  const { ownerBytes, ownerReservedBytes } = namespaceOf(tables, session.namespace)
  return (ownerBytes.get(subject.owner) ?? 0) + (ownerReservedBytes.get(subject.owner) ?? 0)
}

function addReserved(
  tables: MemoryTables,
  session: SessionRow,
  subject: Reservation['subject'],
  bytes: number,
): void {
  if ('volumeId' in subject) volumeOf(tables, subject.volumeId).reservedBytes += bytes
  else addTo(namespaceOf(tables, session.namespace).ownerReservedBytes, subject.owner, bytes)
}

function joined(one: Reservation, other: Reservation): Reservation {
  const limitBytes = Math.min(
    one.limitBytes ?? Number.POSITIVE_INFINITY,
    other.limitBytes ?? Number.POSITIVE_INFINITY,
  )
  const bytes = one.bytes + other.bytes
  return { subject: one.subject, bytes, ...(Number.isFinite(limitBytes) ? { limitBytes } : {}) }
}

function subjectKey(subject: Reservation['subject']): string {
  return 'volumeId' in subject
    ? compositeKey('volume', subject.volumeId)
    : compositeKey('owner', subject.owner)
}

function overLimit(subject: Reservation['subject'], bytes: number, limitBytes: number): MediaError {
  if ('volumeId' in subject) {
    return new MediaError(
      'MEDIA_NO_SPACE',
      `volume ${subject.volumeId}: ${bytes} more bytes would pass its ${limitBytes}; raise its capacity or add a tier`,
      { reason: 'volume-full' },
    )
  }
  return new MediaError(
    'MEDIA_QUOTA',
    `owner ${subject.owner}: ${bytes} more bytes would pass the quota of ${limitBytes}`,
    { reason: 'owner-quota' },
  )
}
