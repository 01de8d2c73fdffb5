import type { Call } from '../contracts/call.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { isBackendFailure } from '../decorators/backend-failure.ts'
import type { Member } from './member.ts'

export interface Found<Result> {
  readonly result: Result
  readonly member: Member
}

/**
 * Asks the members in turn until one has it. `undefined` only when every member that could hold it said "absent";
 * when one of them did not answer and none of the others has it, that failure is thrown.
 *
 * A copy may be moved to a better member while we ask, which has answered already: so once all have said "absent",
 * those that a move goes to are asked again, the other way round.
 * @param place the member that is known to have the newest
 */
export async function findIn<Result>(
  members: readonly Member[],
  place: Member | undefined,
  key: string,
  call: Call | undefined,
  ask: (store: ObjectStore) => Promise<Result | undefined>,
): Promise<Found<Result> | undefined> {
  if (place !== undefined) {
    // Another member may hold an older one: it is no answer while this one does not say.
    if (!place.isUp()) throw place.downError()
    const result = await ask(place.store)
    if (result !== undefined) return { result, member: place }
  }
  let failure: unknown
  for (const member of [...members, ...members.slice(0, -1).reverse()]) {
    if (member.owed.has(key)) continue // deleted: what it still holds is not there
    if (!member.isUp()) {
      failure ??= member.downError()
      continue
    }
    try {
      const result = await ask(member.store)
      if (result !== undefined) return { result, member }
    } catch (error) {
      if (!isBackendFailure(error) || isEnded(call, error)) throw error
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

/** The caller ended it: no other member is asked. */
export function isEnded(call: Call | undefined, error: unknown): boolean {
  return call?.signal?.aborted === true && error === call.signal.reason
}
