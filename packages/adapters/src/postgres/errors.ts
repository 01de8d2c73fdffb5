import { isMediaError, MediaError, type MediaErrorCode } from '@mediakeep/core'

const RETRY = Symbol('retry')

/** Another transaction came between: this one is undone and run again. Never leaves the catalog. */
export function retryTransaction(why: string): Error {
  return Object.assign(new Error(why), { [RETRY]: true })
}

interface ServerError extends Error {
  /** SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly code: string
  readonly severity: string
  readonly constraint?: string
}

/** An error that the server told. All others come from the driver or the network. */
export function isServerError(error: unknown): error is ServerError {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as Partial<ServerError>
  return typeof code === 'string' && code.length === 5 && typeof severity === 'string'
}

/** Refused because of who was quicker: serialization_failure, deadlock_detected. */
const LOST_RACE: ReadonlySet<string> = new Set(['40001', '40P01'])
/** A name that the server of this connection should know and does not, or the other way round: a pooler is in between. */
const WRONG_PREPARED: ReadonlySet<string> = new Set(['26000', '42P05'])
/** Somebody else made the row that this transaction did not find: the next attempt finds it. */
const RACED: ReadonlySet<string> = new Set([
  'media_key',
  'outcomes_key',
  'volumes_id',
  'blobs_digest',
  'spending_day',
])
const TAKEN: Readonly<Record<string, string>> = {
  sessions_id: 'session-taken',
  placements_id: 'placement-taken',
  placements_key: 'placement-taken',
  media_id: 'id-taken',
  media_namespace_id: 'id-taken',
}

/** Nothing of the transaction happened, and the same again may succeed. */
export function isRetried(error: unknown): boolean {
  if (typeof error === 'object' && error !== null && RETRY in error) return true
  if (!isServerError(error)) return false
  return (
    LOST_RACE.has(error.code) ||
    WRONG_PREPARED.has(error.code) ||
    (error.code === '23505' && RACED.has(error.constraint ?? ''))
  )
}

export function isWrongPrepared(error: unknown): boolean {
  return isServerError(error) && WRONG_PREPARED.has(error.code)
}

/** The connection is of no use any more: the server ended it, or it is not known how far it came. */
export function isConnectionLost(error: unknown): boolean {
  return !isServerError(error) || /^(08|57P)/.test(error.code)
}

interface Told {
  readonly code: MediaErrorCode
  readonly reason: string
  readonly text: string
}

const UNREACHABLE: Told = {
  code: 'MEDIA_UNAVAILABLE',
  reason: 'catalog-unreachable',
  text: 'the connection to the database was lost or refused; see that it runs',
}
const CORRUPT: Told = {
  code: 'MEDIA_CORRUPT',
  reason: 'catalog-corrupt',
  text: 'the database tells of damaged data; restore it from a backup',
}
const FAILED: Told = {
  code: 'MEDIA_UNAVAILABLE',
  reason: 'catalog-failed',
  text: 'the database refused a statement',
}
const DUPLICATE: Told = {
  code: 'MEDIA_CONFLICT',
  reason: 'duplicate',
  text: 'an id or key given is in use already',
}

/** By SQLSTATE, or by its class. */
const STATES: Readonly<Record<string, Told>> = {
  '08': UNREACHABLE,
  '57P': UNREACHABLE,
  '40003': {
    ...UNREACHABLE,
    text: 'the database does not know whether the transaction was committed; look before you try again',
  },
  '28': {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'catalog-refused',
    text: 'the database refuses the login; check user and password',
  },
  '3D000': {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'catalog-refused',
    text: 'the database does not exist; create it',
  },
  '42501': {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'catalog-not-writable',
    text: 'the user of the pool lacks a right; grant it',
  },
  '25006': {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'catalog-not-writable',
    text: 'the database only reads; connect to the primary',
  },
  '57014': {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'statement-timeout',
    text: 'a statement took longer than statement_timeout; raise it or see what the database does',
  },
  '53100': {
    code: 'MEDIA_NO_SPACE',
    reason: 'catalog-full',
    text: 'the disk of the database is full; free space',
  },
  '53300': {
    code: 'MEDIA_BUSY',
    reason: 'no-connection',
    text: 'the database takes no further connection; use a smaller pool',
  },
  '55P03': {
    code: 'MEDIA_BUSY',
    reason: 'catalog-busy',
    text: 'a lock was not free within lock_timeout; try again',
  },
  XX001: CORRUPT,
  XX002: CORRUPT,
  '23505': DUPLICATE,
}

/** What callers see of a failure; MediaErrors pass untouched. */
export function catalogError(act: string, error: unknown): MediaError {
  if (isMediaError(error)) return error
  const { code, reason, text } = tellOf(error)
  return new MediaError(code, `postgres: cannot ${act}, ${text}`, { reason, cause: causeOf(error) })
}

function tellOf(error: unknown): Told {
  if (!isServerError(error)) return UNREACHABLE
  const taken = error.code === '23505' ? TAKEN[error.constraint ?? ''] : undefined
  if (taken !== undefined) return { ...DUPLICATE, reason: taken }
  const { code } = error
  return STATES[code] ?? STATES[code.slice(0, 3)] ?? STATES[code.slice(0, 2)] ?? FAILED
}

/**
 * What may be shown of a failure. The message of a server names relations and users, no password; that of a driver may
 * hold the address it was given, so only its code is kept.
 */
export function causeOf(error: unknown): Error {
  if (isServerError(error)) return new Error(`${error.code}: ${error.message}`)
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return new Error(typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code) ? code : 'connection failure')
}

export function closedError(): MediaError {
  return new MediaError('MEDIA_CLOSED', 'postgres: the catalog is closed, or was not opened')
}
