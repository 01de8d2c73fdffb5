import { MediaError, type Reservation } from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'
import { retryTransaction } from '../errors.ts'
import { ownerSubject, volumeSubject } from './totals.ts'

export interface Wanted {
  readonly subject: string
  readonly of: Reservation['subject']
  readonly bytes: number
  readonly limitBytes: number | undefined
}

/** One entry for each subject: bytes add up, the lowest limit counts. */
export function perSubject(namespace: string, reservations: readonly Reservation[] = []): readonly Wanted[] {
  const wanted = new Map<string, Wanted>()
  for (const { subject: of, bytes, limitBytes } of reservations) {
    const subject = 'volumeId' in of ? volumeSubject(of.volumeId) : ownerSubject(namespace, of.owner)
    const earlier = wanted.get(subject)
    const limits = [earlier?.limitBytes, limitBytes].filter((limit) => limit !== undefined)
    wanted.set(subject, {
      subject,
      of,
      bytes: bytes + (earlier?.bytes ?? 0),
      limitBytes: limits.length === 0 ? undefined : Math.min(...limits),
    })
  }
  return [...wanted.values()]
}

interface Used {
  readonly subject: string
  readonly bytes: number
}

const MAKE_GATES = 'INSERT INTO @gates(subject) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING'
const LOCK_GATES =
  'SELECT to_json(subject) FROM @gates WHERE subject = ANY($1::text[]) ORDER BY subject FOR UPDATE'
const USED = `SELECT json_build_object('subject', s.subject, 'bytes',
    (SELECT coalesce(sum(bytes), 0) FROM @totals t WHERE t.subject = s.subject COLLATE "C")
    + (SELECT coalesce(sum(bytes), 0) FROM @reservations r WHERE r.subject = s.subject COLLATE "C" AND r.session_id <> $2))
  FROM unnest($1::text[]) AS s(subject)`

export type RoomStatements = readonly [Statement, Statement<string>, Statement<Used>]

/**
 * Two puts that each fit alone may not fit together: who asks for room within a limit locks its subject before it adds
 * up what others have stored and reserved.
 * @param others further subjects that it counts
 */
export function lockRoom(
  wanted: readonly Wanted[],
  sessionId: string,
  others: readonly string[] = [],
): RoomStatements {
  const limited = limitedSubjects(wanted)
  const gates = [...limited, ...others].toSorted()
  return [sql(MAKE_GATES, gates), sql<string>(LOCK_GATES, gates), sql<Used>(USED, limited, sessionId)]
}

/** @throws MediaError MEDIA_NO_SPACE for a volume, MEDIA_QUOTA for an owner, when a limit would be passed. */
export function checkRoom(
  wanted: readonly Wanted[],
  [, locked, used]: readonly [Answer<never>, Answer<string>, Answer<Used>],
  others: readonly string[] = [],
): void {
  // One that another made at the same time may not be seen yet.
  if (locked.rows.length < limitedSubjects(wanted).length + others.length)
    throw retryTransaction('a gate was made meanwhile')
  const usedBytes = new Map(used.rows.map(({ subject, bytes }) => [subject, bytes]))
  for (const { subject, of, bytes, limitBytes } of wanted)
    if (limitBytes !== undefined && (usedBytes.get(subject) ?? 0) + bytes > limitBytes)
      throw overLimit(of, bytes, limitBytes)
}

function limitedSubjects(wanted: readonly Wanted[]): readonly string[] {
  return wanted
    .filter(({ limitBytes }) => limitBytes !== undefined)
    .map(({ subject }) => subject)
    .toSorted()
}

const RESERVE = `INSERT INTO @reservations(session_id, subject, bytes)
  SELECT $1, w.subject, w.bytes FROM unnest($2::text[], $3::bigint[]) AS w(subject, bytes)
  ON CONFLICT (session_id, subject) DO UPDATE SET bytes = excluded.bytes`
const RELEASE = 'DELETE FROM @reservations WHERE session_id = $1 AND subject = ANY($2::text[]) AND bytes = 0'

/** Sets what the session holds for each subject given; others stay as they are. */
export function writeReservations(
  wanted: readonly Wanted[],
  sessionId: string,
): readonly [Statement, Statement] {
  const subjects = wanted.map(({ subject }) => subject)
  return [
    sql(
      RESERVE,
      sessionId,
      subjects,
      wanted.map(({ bytes }) => bytes),
    ),
    sql(RELEASE, sessionId, subjects),
  ]
}

function overLimit(subject: Reservation['subject'], bytes: number, limitBytes: number): MediaError {
  return 'volumeId' in subject
    ? new MediaError(
        'MEDIA_NO_SPACE',
        `volume ${subject.volumeId}: ${bytes} more bytes would pass its ${limitBytes}; raise its capacity or add a tier`,
        { reason: 'volume-full' },
      )
    : new MediaError(
        'MEDIA_QUOTA',
        `owner ${subject.owner}: ${bytes} more bytes would pass the quota of ${limitBytes}`,
        { reason: 'owner-quota' },
      )
}
