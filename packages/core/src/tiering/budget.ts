import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { BudgetOptions } from '../contracts/tiering.ts'
import { BUDGET_RECHECK_MS } from '../defaults.ts'

const NAME = 'paid'
const MICRODOLLARS = 1e6
/** A block is this share of a day's budget: small enough for many hosts, large enough for few transactions. */
const BLOCK_RATIO = 1 / 256

/** Money that is set aside for one call. */
export interface Hold {
  /** The call is over: what it really cost was told by `spent`. Idempotent. */
  release(): void
}

/**
 * What a day may cost, over all hosts that share a catalog. Money is taken from the catalog in blocks before it is spent, so that
 * all together never pass the limit, and a host that dies has taken too much rather than too little.
 */
export interface Budget {
  /** @returns `undefined` when the day's budget does not allow it and the call can wait. */
  hold(dollars: number, options: { readonly canWait: boolean }): Promise<Hold | undefined>
  /** What a request cost. */
  spent(dollars: number): void
  /** Until the day is over, or somebody gives something back. */
  isSpent(): boolean
  /** How long until the next day begins. */
  retryAfterMs(): number
  /** What all hosts have taken of today, spent or not. */
  takenTodayDollars(): Promise<number>
  /** Gives back what was taken and not spent. */
  close(): Promise<void>
}

export interface BudgetContext {
  readonly catalog: Pick<Catalog, 'reserveSpend' | 'returnSpend'>
  readonly clock: Clock
}

/** Without a budget every call is allowed. */
export const NO_BUDGET: Budget = {
  hold: async () => ({ release() {} }),
  spent() {},
  isSpent: () => false,
  retryAfterMs: () => 0,
  takenTodayDollars: async () => 0,
  close: async () => {},
}

export function createBudget({ dailyDollars }: BudgetOptions, { catalog, clock }: BudgetContext): Budget {
  const limit = Math.floor(dailyDollars * MICRODOLLARS)
  const block = Math.max(1, Math.ceil(limit * BLOCK_RATIO))
  let day = ''
  /** In microdollars: taken of the day, spent of that, and set aside for calls under way. */
  let [taken, used, held] = [0, 0, 0]
  let emptySinceMs = Number.NEGATIVE_INFINITY
  let turn: Promise<void> = Promise.resolve()

  const left = (): number => taken - used - held
  const take = async (wanted: number, upTo: number): Promise<void> => {
    const amount = Math.max(block, Math.ceil(wanted - left()))
    const answer = await catalog.reserveSpend({ budget: NAME, amount, limit: upTo })
    if (answer.day !== day) {
      const before = { day, amount: Math.floor(taken - used) }
      // Calls under way began on the day before: what they cost is counted with the new one, which is late, not lost.
      ;[day, taken, used] = [answer.day, 0, 0]
      if (before.day !== '' && before.amount > 0) await catalog.returnSpend({ budget: NAME, ...before })
    }
    taken += answer.granted
    emptySinceMs = answer.granted === 0 ? clock.now() : Number.NEGATIVE_INFINITY
  }
  const isSpent = (): boolean =>
    clock.now() - emptySinceMs < BUDGET_RECHECK_MS && clock.now() >= emptySinceMs && sameDay()
  const sameDay = (): boolean => day === '' || new Date(clock.now()).toISOString().startsWith(day)

  return {
    async hold(dollars, { canWait }) {
      const wanted = dollars * MICRODOLLARS
      if (canWait && left() < wanted && isSpent()) return undefined
      if (left() < wanted || !sameDay()) {
        // One at a time: a crowd would take a block each.
        const mine = turn.then(async () => {
          if (left() >= wanted && sameDay()) return
          await take(wanted, limit)
          // What cannot wait is made all the same, and counted: the sum must never be below what was spent.
          if (left() < wanted && !canWait) await take(wanted, Number.MAX_SAFE_INTEGER)
        })
        turn = mine.catch(() => {})
        await mine
      }
      if (left() < wanted && canWait) return undefined
      held += wanted
      let isOver = false
      return {
        release() {
          if (isOver) return
          isOver = true
          held -= wanted
        },
      }
    },
    spent(dollars) {
      used += dollars * MICRODOLLARS
    },
    isSpent,
    retryAfterMs() {
      const now = clock.now()
      return 86_400_000 - (now % 86_400_000)
    },
    async takenTodayDollars() {
      return (await catalog.reserveSpend({ budget: NAME, amount: 0, limit })).spent / MICRODOLLARS
    },
    async close() {
      await turn
      const amount = Math.floor(taken - used)
      if (day !== '' && amount > 0) await catalog.returnSpend({ budget: NAME, day, amount })
      ;[taken, used] = [0, 0]
    },
  }
}
