import { MediaError } from '@mediakeep/core'

/** Why a scan came to no verdict. All of them are worth trying again. */
export type ClamavReason =
  | 'scanner-closed'
  | 'scanner-failed'
  | 'scanner-garbled'
  | 'scanner-timeout'
  | 'scanner-unreachable'

const ADVICE: Readonly<Record<ClamavReason, string>> = {
  'scanner-closed': 'clamd closed the connection before it had answered; see its log',
  'scanner-failed': 'clamd could not scan; see its log',
  'scanner-garbled': 'the answer is not one of clamd; see what listens there',
  'scanner-timeout': 'clamd took too long',
  'scanner-unreachable': 'clamd is not reached; see that it runs and listens there',
}

/** Nothing of a cause is shown but its code. */
export function scannerError(name: string, reason: ClamavReason, cause?: unknown): MediaError {
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : ''
  return new MediaError('MEDIA_UNAVAILABLE', `${name}: no verdict: ${ADVICE[reason]}${code}`, {
    reason,
    ...(cause === undefined ? {} : { cause }),
  })
}

export function closedError(name: string): MediaError {
  return new MediaError('MEDIA_CLOSED', `${name}: the scanner is closed`, { reason: 'closing' })
}
