import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

const mended = (amount: number): number => (Number.isSafeInteger(amount) && amount >= 0 ? amount : 0)

/** Faults of the ledger and of budgets. */
export const ledgerMutants: readonly CatalogMutant[] = [
  mutant('ledger.no-cause', 'the ledger does not know causes', ['ledger.sums'], (inner) =>
    withMembers(inner, {
      addToLedger: (entries) => inner.addToLedger(entries.map((entry) => ({ ...entry, cause: 'read' }))),
    }),
  ),
  mutant('ledger.open-end', 'the ledger goes on behind the last day', ['ledger.days'], (inner) =>
    withMembers(inner, { ledger: ({ fromDay }) => inner.ledger({ fromDay, toDay: '2999-12-31' }) }),
  ),
  mutant('ledger.mends', 'bad amounts are taken for none', ['ledger.bad-input'], (inner) =>
    withMembers(inner, {
      addToLedger: (entries) =>
        inner.addToLedger(
          entries.map((entry) => ({ ...entry, calls: mended(entry.calls), bytes: mended(entry.bytes) })),
        ),
    }),
  ),
  mutant('spend.over', 'what is asked for is granted while anything is left', ['spend.limit'], (inner) =>
    withMembers(inner, {
      async reserveSpend(options) {
        const reserved = await inner.reserveSpend(options)
        return reserved.granted > 0 ? { ...reserved, granted: options.amount } : reserved
      },
    }),
  ),
  mutant('spend.below-none', 'more can be given back than was taken', ['spend.return'], (inner, tables) =>
    withMembers(inner, {
      async returnSpend({ budget, day, amount }) {
        const name = JSON.stringify([budget, day])
        tables.spent.set(name, (tables.spent.get(name) ?? 0) - amount)
      },
    }),
  ),
  mutant('spend.for-ever', 'a budget is that of all days together', ['spend.days'], (inner, tables) =>
    withMembers(inner, {
      async reserveSpend(options) {
        const { day } = await inner.reserveSpend({ ...options, amount: 0 })
        const name = JSON.stringify([options.budget, day])
        const before = [...tables.spent.values()].at(-1) ?? 0
        if (!tables.spent.has(name)) tables.spent.set(name, before)
        return inner.reserveSpend(options)
      },
    }),
  ),
  mutant('spend.looks-first', 'a host looks, and takes in another transaction', ['spend.race'], (inner) =>
    withMembers(inner, {
      async reserveSpend(options) {
        const { spent } = await inner.reserveSpend({ ...options, amount: 0 })
        const amount = Math.min(options.amount, Math.max(0, options.limit - spent))
        return inner.reserveSpend({ ...options, amount, limit: Number.MAX_SAFE_INTEGER })
      },
    }),
  ),
  mutant('spend.mends', 'bad amounts are taken for none', ['spend.bad-input'], (inner) =>
    withMembers(inner, {
      reserveSpend: (options) => inner.reserveSpend({ ...options, amount: mended(options.amount) }),
    }),
  ),
  mutant('tiers.forgotten', 'moves are forgotten at opening', ['tiers.persist'], (inner, tables) =>
    withMembers(inner, {
      async open() {
        tables.moves.clear()
        await inner.open()
      },
    }),
  ),
]
