import { describe, expect, test } from 'vitest'
import { createByteBudget } from './byte-budget.ts'

const { signal } = new AbortController()

describe('createByteBudget()', () => {
  test('holds back what does not fit until enough was given back, in the order of asking', async () => {
    const budget = createByteBudget(100)
    const first = await budget.acquire(60, signal)
    const started: string[] = []
    const large = budget.acquire(80, signal).then((free) => (started.push('large'), free))
    const small = budget.acquire(10, signal).then((free) => (started.push('small'), free))
    await Promise.resolve()
    expect(started).toEqual([]) // the small one would fit, and would let the large one wait for ever
    first()
    first()
    const frees = await Promise.all([large, small])
    expect(started).toEqual(['large', 'small'])
    expect(budget.heldBytes).toBe(90)
    for (const free of frees) free()
    expect(budget.heldBytes).toBe(0)
  })

  test('gives more than all of it to one that is alone', async () => {
    const budget = createByteBudget(100)
    const free = await budget.acquire(1000, signal)
    free()
    expect(budget.heldBytes).toBe(0)
  })

  test('lets those behind go on when one that waits leaves, whose reason is thrown', async () => {
    const budget = createByteBudget(100)
    const free = await budget.acquire(60, signal)
    const leaving = new AbortController()
    const waiting = budget.acquire(80, leaving.signal)
    const behind = budget.acquire(10, signal)
    const reason = new Error('the caller left')
    leaving.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    ;(await behind)()
    free()
    expect(budget.heldBytes).toBe(0)
  })
})
