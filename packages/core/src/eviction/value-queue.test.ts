import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createValueQueue } from './value-queue.ts'

type Act =
  | { readonly act: 'add'; readonly logValue: number }
  | { readonly act: 'remove'; readonly pick: number }
  | { readonly act: 'leave' | 'peek' }

const acts = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('add' as const), logValue: fc.double({ min: -70, max: 10, noNaN: true }) }),
    fc.record({ act: fc.constant('remove' as const), pick: fc.nat(1_000) }),
    fc.record({ act: fc.constantFrom('leave' as const, 'peek' as const) }),
  ),
  { maxLength: 300 },
)

function lowestOf(present: readonly number[], credits: ReadonlyMap<number, number>): number {
  return Math.min(...present.map((slot) => credits.get(slot) ?? Number.NaN))
}

describe('the value queue', () => {
  it('first() has the lowest credit of all, whatever came and went', () => {
    fc.assert(
      fc.property(acts, (list: Act[]) => {
        const queue = createValueQueue()
        queue.growTo(list.length)
        const credits = new Map<number, number>()
        const present: number[] = []
        let slots = 0
        for (const act of list) {
          if (act.act === 'add') {
            const slot = slots++
            credits.set(slot, queue.creditFor(act.logValue))
            queue.add(slot, act.logValue)
            present.push(slot)
          } else if (act.act === 'remove' && present.length > 0) {
            const [slot = -1] = present.splice(act.pick % present.length, 1)
            queue.remove(slot)
          } else if (act.act === 'leave' && present.length > 0) {
            const slot = queue.first()
            queue.raise(queue.creditOf(slot))
            queue.remove(slot)
            present.splice(present.indexOf(slot), 1)
          } else if (act.act === 'peek') {
            const order: number[] = []
            for (let slot = queue.first(); slot !== -1; slot = queue.first()) {
              order.push(slot)
              queue.remove(slot)
            }
            const inOrder = order.map((slot) => queue.creditOf(slot))
            expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b))
            expect(new Set(order)).toEqual(new Set(present))
            for (const slot of order.reverse()) queue.restore(slot)
          }
          const first = queue.first()
          if (present.length === 0) expect(first).toBe(-1)
          else {
            expect(present).toContain(first)
            expect(queue.creditOf(first)).toBe(lowestOf(present, credits))
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('first() is the one that came first of those with the same value', () => {
    const queue = createValueQueue()
    queue.growTo(3)
    for (const slot of [2, 0, 1]) queue.add(slot, 0)
    expect(queue.first()).toBe(2)
    queue.remove(2)
    expect(queue.first()).toBe(0)
    queue.restore(2)
    expect(queue.first()).toBe(2)
  })

  it('keeps what is used little for a while when the level rises, and what is worth more for longer', () => {
    const queue = createValueQueue()
    queue.growTo(2)
    queue.add(0, Math.log(8))
    queue.add(1, 0)
    queue.raise(queue.creditOf(1))
    queue.remove(1)
    queue.add(1, 0)
    expect(queue.first()).toBe(1)
    queue.raise(7.5)
    queue.remove(1)
    queue.add(1, 0)
    expect(queue.first()).toBe(0)
  })
})
