import type { NewMove } from '../contracts/catalog.ts'
import type { PlacementRule } from '../contracts/tiering.ts'
import { AGE_ROUND_MS, AGE_ROUND_RECORDS, AGE_WALK_MS } from '../defaults.ts'
import { isMediaError } from '../errors/media-error.ts'
import { createByRules, moveOf } from './by-rules.ts'
import type { TierContext } from './context.ts'

/** Looks for media that came of the age of a rule, some records at a time. */
export interface AgeWalk {
  /** Never, where no rule has an age. */
  isDue(): boolean
  /** Plans the moves of the next records; a move is made, and survives this process, as every other does. */
  round(signal: AbortSignal): Promise<void>
}

const PAGE = 200

const hasAge = ({ match }: PlacementRule): boolean => match.olderThanMs !== undefined

/**
 * No index tells what comes of age next: rules are data, and match by more than age. So all records are walked through, a bounded
 * number each minute, and once an hour where they are few. Where the walk is, is in memory: another process begins anew.
 * Only rules with an age are followed here. What a rule without one would move was there before the rule: `apply` asks for that.
 */
export function createAgeWalk(context: TierContext): AgeWalk {
  const { catalog, clock, options } = context
  const isNeeded = (options.rules ?? []).some(hasAge)
  const byRules = createByRules(context, hasAge)
  let cursor: string | undefined
  let begunMs = clock.now()
  let dueMs = begunMs + AGE_ROUND_MS

  const lookOn = async (signal: AbortSignal): Promise<void> => {
    for (let looked = 0; looked < AGE_ROUND_RECORDS; looked += PAGE) {
      signal.throwIfAborted()
      const page = await catalog
        .exportMedia({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
        .catch((error: unknown) => {
          // A place that nobody knows any more would be asked for again for ever.
          if (isMediaError(error, 'MEDIA_BAD_INPUT')) cursor = undefined
          throw error
        })
      const moves: NewMove[] = []
      for (const media of page.media) {
        const found = await byRules.moveFor(media, signal)
        if (found !== undefined) moves.push(moveOf(found, clock.now()))
      }
      if (moves.length > 0) await catalog.planMoves(moves)
      cursor = page.cursor
      if (cursor !== undefined) continue
      dueMs = Math.max(dueMs, begunMs + AGE_WALK_MS)
      return
    }
  }

  return {
    isDue: () => isNeeded && clock.now() >= dueMs,
    async round(signal) {
      const startedMs = clock.now()
      dueMs = startedMs + AGE_ROUND_MS
      if (cursor === undefined) {
        begunMs = startedMs
        byRules.forget()
      }
      try {
        await lookOn(signal)
      } catch (error) {
        // What was decided about may not have been planned.
        byRules.forget()
        throw error
      }
    },
  }
}
