import type { ByteSource } from '../contracts/bytes.ts'
import type { ObjectHead, PutObjectOptions } from '../contracts/object-store.ts'
import { blamedSource, isBackendFailure } from '../decorators/backend-failure.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { type Found, isEnded } from './find.ts'
import type { Member } from './member.ts'

/** What one member refuses and the next may take. */
const MOVES_ON: ReadonlySet<string> = new Set([
  'MEDIA_NO_SPACE',
  'MEDIA_BUSY',
  'MEDIA_RATE_LIMITED',
  'MEDIA_QUOTA',
])

/**
 * Stores in the first member that takes it. A member whose answer was lost may have stored it too: then there are two
 * equal copies, which `heal` makes one again.
 * @param door throws when the call is over, so that no other member is asked
 */
export async function putFirst(
  members: readonly Member[],
  key: string,
  source: ByteSource,
  options: PutObjectOptions,
  door: () => void,
): Promise<Found<ObjectHead>> {
  let failure: unknown
  for (const member of members) {
    if (!member.isUp()) {
      failure ??= member.downError()
      continue
    }
    const { source: watched, isToBlame } = blamedSource(source)
    try {
      return { result: await member.store.put(key, watched, options), member }
    } catch (error) {
      if (isEnded(options, error) || isToBlame(error) || !movesOn(error)) throw error
      failure = error
      door()
    }
  }
  throw failure
}

/**
 * Stores in the one member that can decide the condition: the one that has the object, else the preferred one.
 * @param found where the object is; every member was asked for it
 */
export async function putConditional(
  members: readonly Member[],
  key: string,
  source: ByteSource,
  options: PutObjectOptions,
  found: Found<ObjectHead> | undefined,
): Promise<Found<ObjectHead>> {
  const [preferred] = members
  const member = found?.member ?? preferred
  if (member === undefined) throw new MediaError('MEDIA_UNSUPPORTED', 'a failover store has members')
  if (!member.isUp()) throw member.downError()
  return { result: await member.store.put(key, source, options), member }
}

function movesOn(error: unknown): boolean {
  return isBackendFailure(error) || (isMediaError(error) && MOVES_ON.has(error.code))
}
