import { describe, expect, it } from 'vitest'
import { type Budget, createBudget } from './budget.ts'

const DAY_MS = 86_400_000

/** A day's sums as a catalog keeps them, and a clock that both look at. */
function catalogOf(clock: { nowMs: number }) {
  const spent = new Map<string, number>()
  const day = (): string => new Date(clock.nowMs).toISOString().slice(0, 10)
  return {
    spent,
    async reserveSpend({ amount, limit }: { amount: number; limit: number }) {
      const before = spent.get(day()) ?? 0
      const granted = Math.max(0, Math.min(amount, limit - before))
      spent.set(day(), before + granted)
      return { day: day(), granted, spent: before + granted }
    },
    async returnSpend({ day: of, amount }: { day: string; amount: number }) {
      spent.set(of, (spent.get(of) ?? 0) - amount)
    },
  }
}

function hosts(count: number, dailyDollars: number) {
  const time = { nowMs: Date.UTC(2026, 0, 31, 12) }
  const clock = { now: () => time.nowMs, after: () => () => {} }
  const catalog = catalogOf(time)
  const budgets = Array.from({ length: count }, () => createBudget({ dailyDollars }, { catalog, clock }))
  return { time, catalog, budgets }
}

/** A call that costs what it was held for. */
async function call(budget: Budget, dollars: number, canWait = true): Promise<boolean> {
  const held = await budget.hold(dollars, { canWait })
  if (held === undefined) return false
  budget.spent(dollars)
  held.release()
  return true
}

describe('the budget of a day', () => {
  it('many hosts together never spend more than it, and nearly all of it', async () => {
    const { budgets, catalog } = hosts(5, 0.01)
    let spent = 0
    for (let round = 0; round < 4_000; round++) {
      const budget = budgets[round % budgets.length] as Budget
      if (await call(budget, 3.7e-6)) spent += 3.7e-6
    }
    expect(spent).toBeLessThanOrEqual(0.01)
    expect(spent).toBeGreaterThan(0.0098)
    expect(catalog.spent.get('2026-01-31')).toBeLessThanOrEqual(10_000)
  })

  it('calls at once never hold more than is left', async () => {
    const { budgets } = hosts(2, 0.001)
    const held = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (budgets[n % 2] as Budget).hold(50e-6, { canWait: true })),
    )
    expect(held.filter((one) => one !== undefined).length).toBe(20)
  })

  it('a host that dies has counted too much, never too little', async () => {
    const { budgets, catalog } = hosts(1, 1)
    await call(budgets[0] as Budget, 1e-6)
    // Nothing is given back: the host is gone.
    expect(catalog.spent.get('2026-01-31')).toBeGreaterThanOrEqual(1)
  })

  it('tells what all hosts have taken today, and takes nothing by that', async () => {
    const { time, budgets } = hosts(2, 1)
    for (const budget of budgets) await call(budget, 0.25)
    for (const budget of budgets) expect(await budget.takenTodayDollars()).toBe(0.5)
    time.nowMs += DAY_MS
    expect(await (budgets[0] as Budget).takenTodayDollars()).toBe(0)
  })

  it('what was not spent is given back on close', async () => {
    const { budgets, catalog } = hosts(1, 1)
    await call(budgets[0] as Budget, 0.25)
    await (budgets[0] as Budget).close()
    expect(catalog.spent.get('2026-01-31')).toBe(250_000)
  })

  it('what cannot wait is made and counted over the limit', async () => {
    const { budgets, catalog } = hosts(1, 0.0001)
    const [budget] = budgets as [Budget]
    expect(await call(budget, 0.0001)).toBe(true)
    expect(await call(budget, 0.0001)).toBe(false)
    expect(await call(budget, 0.0001, false)).toBe(true)
    expect(catalog.spent.get('2026-01-31')).toBeGreaterThanOrEqual(200)
  })

  it('begins anew with the next day, and the block of the day before goes back', async () => {
    const { budgets, catalog, time } = hosts(1, 0.0001)
    const [budget] = budgets as [Budget]
    await call(budget, 0.0001)
    expect(await call(budget, 0.00005)).toBe(false)
    expect(budget.isSpent()).toBe(true)
    expect(budget.retryAfterMs()).toBe(DAY_MS / 2)
    time.nowMs += DAY_MS / 2
    expect(budget.isSpent()).toBe(false)
    expect(await call(budget, 0.00005)).toBe(true)
    expect(catalog.spent.get('2026-01-31')).toBe(100)
    await budget.close()
    expect(catalog.spent.get('2026-02-01')).toBe(50)
  })
})
