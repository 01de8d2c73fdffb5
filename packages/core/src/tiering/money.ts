import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore, StoreAttempt } from '../contracts/object-store.ts'
import type { BudgetOptions } from '../contracts/tiering.ts'
import { withMeter } from '../decorators/index.ts'
import { isMediaError } from '../errors/media-error.ts'
import { type Budget, createBudget, NO_BUDGET } from './budget.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { callDollars } from './prices.ts'
import type { TierOptions } from './tier.ts'
import { withBudget } from './with-budget.ts'

export interface GuardedStore {
  readonly store: ObjectStore
  /** Whose the attempts are, also those of before: which volume it is is only known once the store was asked. */
  named(volumeId: string): void
}

/** What calls cost: the ledger that counts them, and the budget that allows them. */
export interface Money {
  readonly ledger: Ledger
  readonly budget: Budget
  /** Counts every attempt at a paid store from now on, and lets a budget stand in front of it. */
  guard(tier: TierOptions): GuardedStore
  close(): Promise<void>
}

export interface MoneyContext {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly budget: BudgetOptions | undefined
  /** The ledger could not be written now; it is tried again. */
  onFailure(error: unknown): void
}

export function createMoney({ catalog, clock, budget: options, onFailure }: MoneyContext): Money {
  const budget = options === undefined ? NO_BUDGET : createBudget(options, { catalog, clock })
  const ledger = createLedger({ catalog, clock, onFailure })
  const stops: (() => void)[] = []
  return {
    ledger,
    budget,
    guard(tier) {
      if (!tier.store.traits.paid) return { store: tier.store, named() {} }
      let volumeId: string | undefined
      const early: StoreAttempt[] = []
      const store = tier.store.observe === undefined ? withMeter(tier.store) : tier.store
      const stop = store.observe?.((attempt) => {
        if (volumeId === undefined) early.push(attempt)
        else ledger.attempt(volumeId, attempt)
        budget.spent(callDollars(tier.prices, { ...attempt, calls: 1 }))
      })
      if (stop !== undefined) stops.push(stop)
      return {
        store:
          options === undefined
            ? store
            : withBudget(store, tier.prices, budget, {
                stopBursts: options.stopBursts ?? true,
                delayReads: options.delayReads ?? true,
              }),
        named(id) {
          volumeId = id
          for (const attempt of early.splice(0)) ledger.attempt(id, attempt)
        },
      }
    },
    async close() {
      for (const stop of stops) stop()
      const ended = await Promise.allSettled([ledger.close(), budget.close()])
      for (const end of ended) if (end.status === 'rejected' && isMediaError(end.reason)) throw end.reason
    },
  }
}
