import { isMediaError, MediaError } from '@mediakeep/core'

/** What the server says in its first word when the login, or a right, is at fault. */
const REFUSED = /\b(WRONGPASS|NOAUTH|NOPERM)\b/
/** Passing states of a server that runs, and what is to be done about them. */
const AWAY: Readonly<Record<string, string>> = {
  BUSY: 'another script takes too long',
  CLUSTERDOWN: 'the cluster does not serve all slots',
  LOADING: 'Redis loads its data',
  MASTERDOWN: 'the replica has lost its primary',
  MISCONF: 'Redis cannot write to its disk and takes no changes',
  NOREPLICAS: 'too few replicas follow',
  OOM: 'the memory of Redis is full; let it evict (maxmemory-policy allkeys-lru)',
  READONLY: 'this Redis is a replica; connect to the primary',
  TRYAGAIN: 'slots of the cluster move',
}

/** What callers see of a failure; MediaErrors pass untouched. Nothing of the vendor's errors is shown but a word: their commands hold passwords. */
export function statesError(act: string, error: unknown): MediaError {
  if (isMediaError(error)) return error
  const word = wordOf(error)
  const cause = new Error(word)
  if (REFUSED.test(word))
    return new MediaError(
      'MEDIA_UNAVAILABLE',
      `redis: cannot ${act}, the login or a right is refused (${word}); check user, password and ACL`,
      { reason: 'states-refused', cause },
    )
  const away = AWAY[word]
  if (away !== undefined) return unreachable(act, `${away} (${word})`, cause)
  if (isReplyError(error))
    return new MediaError(
      'MEDIA_UNAVAILABLE',
      `redis: cannot ${act}, Redis refused the command (${word}); it takes scripts from version 6.2 on`,
      { reason: 'states-failed', cause },
    )
  return unreachable(act, `Redis is not reached (${word}); see that it runs`, cause)
}

export function slowError(act: string, timeoutMs: number): MediaError {
  return unreachable(act, `Redis gave no answer within ${timeoutMs} ms; what was asked may have happened`)
}

function unreachable(act: string, why: string, cause?: Error): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `redis: cannot ${act}, ${why}`, {
    reason: 'states-unreachable',
    ...(cause === undefined ? {} : { cause }),
  })
}

export function isReplyError(error: unknown, word?: string): boolean {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false
  return word === undefined || error.message.startsWith(word)
}

/** The one word of an error that says what it is and nothing else. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failure'
  const refused = REFUSED.exec(error.message)
  if (refused !== null) return refused[0]
  if (isReplyError(error)) return /^[A-Z]+\b/.exec(error.message)?.[0] ?? 'ERR'
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined && /^[A-Z][A-Z_]+$/.test(code)) return code
  // The last error of a cluster that gave up hides in the one around it.
  const { lastNodeError } = error as { readonly lastNodeError?: unknown }
  return lastNodeError === undefined ? 'no connection' : wordOf(lastNodeError)
}
