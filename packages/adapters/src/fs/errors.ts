import { isMediaError, MediaError, type MediaErrorCode } from '@mediakeep/core'

/** Reasons that errors of this store carry. */
export type FsReason =
  | 'volume-offline'
  | 'layout-newer'
  | 'not-writable'
  | 'network-file-system'
  | 'not-a-file'
  | 'io-error'
  | 'no-hard-links'
  | 'too-many-open-files'
  | 'disk-full'
  | 'disk-quota'
  | 'truncated'
  | 'sidecar-damaged'

interface ErrnoRow {
  readonly code: MediaErrorCode
  readonly reason: FsReason
  readonly advice: string
}

const NOT_WRITABLE: ErrnoRow = {
  code: 'MEDIA_UNAVAILABLE',
  reason: 'not-writable',
  advice: 'this process may not use the folder; check its owner, its mode and how it is mounted',
}
const OFFLINE: ErrnoRow = {
  code: 'MEDIA_UNAVAILABLE',
  reason: 'volume-offline',
  advice: 'the volume, or a part of it, is not there; check that it is mounted',
}
const TOO_MANY_FILES: ErrnoRow = {
  code: 'MEDIA_BUSY',
  reason: 'too-many-open-files',
  advice: 'raise the limit of open files or lower the load',
}
const NO_LINKS: ErrnoRow = {
  code: 'MEDIA_UNSUPPORTED',
  reason: 'no-hard-links',
  advice: 'the file system has no hard links, which "absent" needs',
}

/** What each errno means to callers; one that is not here is MEDIA_UNAVAILABLE with its cause. */
const ERRNO: Readonly<Record<string, ErrnoRow>> = {
  ENOSPC: { code: 'MEDIA_NO_SPACE', reason: 'disk-full', advice: 'free room or add a volume' },
  EDQUOT: { code: 'MEDIA_NO_SPACE', reason: 'disk-quota', advice: 'raise the disk quota of this user' },
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  EROFS: NOT_WRITABLE,
  ENOENT: OFFLINE,
  ENOTDIR: OFFLINE,
  ESTALE: OFFLINE,
  ENODEV: OFFLINE,
  ELOOP: { code: 'MEDIA_CORRUPT', reason: 'not-a-file', advice: 'a link stands where a file should be' },
  EISDIR: {
    code: 'MEDIA_CORRUPT',
    reason: 'not-a-file',
    advice: 'a directory stands where a file should be',
  },
  EIO: {
    code: 'MEDIA_UNAVAILABLE',
    reason: 'io-error',
    advice: 'the disk failed; look at the log of the kernel',
  },
  ENOTSUP: NO_LINKS,
  EOPNOTSUPP: NO_LINKS,
}

/** The errno of an error that the file system gave; undefined for any other. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || isMediaError(error)) return undefined
  const { code, syscall } = error as NodeJS.ErrnoException
  return typeof code === 'string' && typeof syscall === 'string' ? code : undefined
}

/** `act` says what was tried on what: "put ab/12…", "open /srv/media". What is no error of the file system passes through. */
export function fsError(storeName: string, act: string, error: unknown): unknown {
  const errno = errnoOf(error)
  if (errno === undefined) return error
  const row = ERRNO[errno]
  if (row === undefined) {
    return new MediaError('MEDIA_UNAVAILABLE', `${storeName}: cannot ${act}: ${errno}`, { cause: error })
  }
  const { code, reason, advice } = row
  return new MediaError(code, `${storeName}: cannot ${act}: ${errno}; ${advice}`, { reason, cause: error })
}

/** A failure of the bytes handed in, not of this store: it is thrown as the source threw it. */
export class SourceFailure {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}
