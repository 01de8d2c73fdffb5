import type { Call } from '../contracts/call.ts'
import type { DeleteResult } from '../contracts/object-store.ts'
import { isBackendFailure } from '../decorators/backend-failure.ts'
import { MediaError } from '../errors/media-error.ts'
import { isEnded } from './find.ts'
import type { Member } from './member.ts'

export interface Owing {
  readonly members: readonly Member[]
  readonly maxOwed: number
  onOwed(member: Member, key: string): void
  forgetPlace(key: string): void
}

/**
 * Deletes the keys in every member. What a member that is down may still hold is owed: it is not shown any more, and
 * deleted when the member is back. A key is deleted when one member at least has done so and all others did or owe it.
 */
export async function deleteEverywhere(
  owing: Owing,
  keys: readonly string[],
  call: Call | undefined,
): Promise<readonly DeleteResult[]> {
  const answers = await Promise.all(owing.members.map((member) => deleteIn(member, keys, call)))
  return keys.map((key, index) => {
    const errors = answers.map((results) => results[index]?.error)
    const final = errors.find((error) => error !== undefined && !isBackendFailure(error))
    if (final !== undefined) return { key, error: final }
    const down = owing.members.filter((_, rank) => errors[rank] !== undefined)
    const [failure] = errors.filter((error) => error !== undefined)
    if (failure !== undefined && down.length === owing.members.length) return { key, error: failure }
    if (down.length > 0 && !hasRoom(owing, down, key)) return { key, error: tooManyOwed(owing.maxOwed) }
    for (const [rank, member] of owing.members.entries()) {
      if (errors[rank] === undefined) member.owed.delete(key)
    }
    for (const member of down) {
      member.owed.add(key)
      owing.onOwed(member, key)
    }
    owing.forgetPlace(key)
    return { key }
  })
}

async function deleteIn(
  member: Member,
  keys: readonly string[],
  call: Call | undefined,
): Promise<readonly DeleteResult[]> {
  if (!member.isUp()) return keys.map((key) => ({ key, error: member.downError() }))
  try {
    return await member.store.deleteMany(keys, call)
  } catch (error) {
    if (!isBackendFailure(error) || isEnded(call, error)) throw error
    return keys.map((key) => ({ key, error }))
  }
}

function hasRoom({ members, maxOwed }: Owing, down: readonly Member[], key: string): boolean {
  const owed = members.reduce((sum, member) => sum + member.owed.size, 0)
  return owed + down.filter((member) => !member.owed.has(key)).length <= maxOwed
}

function tooManyOwed(maxOwed: number): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `${maxOwed} deletions are owed to stores that are down`, {
    reason: 'too-many-owed',
  })
}
