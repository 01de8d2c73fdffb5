import { isMediaError, MediaError, type MediaErrorCode } from '@mediakeep/core'

/** Primary result codes by number, as `node:sqlite` reports them. @see https://www.sqlite.org/rescode.html */
const PRIMARY: Readonly<Record<number, string>> = {
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  19: 'SQLITE_CONSTRAINT',
  26: 'SQLITE_NOTADB',
}
/** Extending the shared-memory index failed: in practice a full disk. */
const IOERR_SHMSIZE = 4874

/** The SQLite result of an error of either driver, such as `SQLITE_BUSY_RECOVERY`; `undefined` when it is none. */
export function sqliteResult(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  if (typeof errcode === 'number') {
    if (errcode === IOERR_SHMSIZE) return 'SQLITE_IOERR_SHMSIZE'
    return PRIMARY[errcode & 0xff] ?? `SQLITE_${errcode}`
  }
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined
}

export function isBusy(error: unknown): boolean {
  return sqliteResult(error)?.startsWith('SQLITE_BUSY') ?? false
}

export function isConstraint(error: unknown): boolean {
  return sqliteResult(error)?.startsWith('SQLITE_CONSTRAINT') ?? false
}

/** What callers see of a failed statement; MediaErrors pass untouched. */
export function catalogError(act: string, error: unknown): MediaError {
  if (isMediaError(error)) return error
  const result = sqliteResult(error) ?? ''
  const options = (reason: string): { reason: string; cause: unknown } => ({ reason, cause: error })
  if (result === 'SQLITE_FULL' || result === 'SQLITE_IOERR_SHMSIZE')
    return new MediaError(
      'MEDIA_NO_SPACE',
      `sqlite: cannot ${act}, the disk is full; free space and try again`,
      options('catalog-full'),
    )
  if (result.startsWith('SQLITE_CORRUPT') || result === 'SQLITE_NOTADB')
    return new MediaError(
      'MEDIA_CORRUPT',
      `sqlite: cannot ${act}, the catalog file is damaged or no database; restore it from a backup, or move it away and rebuild it from the volumes`,
      options('catalog-corrupt'),
    )
  if (
    result.startsWith('SQLITE_READONLY') ||
    result.startsWith('SQLITE_CANTOPEN') ||
    result === 'SQLITE_PERM'
  )
    return new MediaError(
      'MEDIA_UNAVAILABLE',
      `sqlite: cannot ${act}, the catalog file or its folder cannot be opened for writing; check owner and mode`,
      options('catalog-not-writable'),
    )
  if (result.startsWith('SQLITE_CONSTRAINT'))
    return new MediaError(
      'MEDIA_CONFLICT',
      `sqlite: cannot ${act}, an id or key given is in use already`,
      options('duplicate'),
    )
  if (result.startsWith('SQLITE_BUSY') || result.startsWith('SQLITE_LOCKED'))
    return new MediaError(
      'MEDIA_BUSY',
      `sqlite: cannot ${act}, another process holds the catalog; try again`,
      options('catalog-busy'),
    )
  return new MediaError('MEDIA_UNAVAILABLE', `sqlite: cannot ${act}`, options('catalog-failed'))
}

/** A MediaError as plain data, to cross a thread. */
export interface ErrorWire {
  readonly code: MediaErrorCode
  readonly message: string
  readonly reason?: string
  readonly retryable: boolean
  readonly retryAfterMs?: number
  readonly cause?: string
}

export function errorToWire(error: MediaError): ErrorWire {
  return {
    code: error.code,
    message: error.message,
    retryable: error.retryable,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.cause === undefined ? {} : { cause: causeText(error.cause) }),
  }
}

export function errorFromWire({ code, message, cause, ...rest }: ErrorWire): MediaError {
  return new MediaError(code, message, {
    ...rest,
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })
}

function causeText(cause: unknown): string {
  const result = sqliteResult(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  return result === undefined ? text : `${result}: ${text}`
}
