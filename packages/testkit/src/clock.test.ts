import { describe, expect, test } from 'vitest'
import { fakeClock } from './clock.ts'

describe('fakeClock()', () => {
  test('stands still until it is advanced', () => {
    const clock = fakeClock(1_000)
    expect([clock.now(), clock.now()]).toEqual([1_000, 1_000])
    clock.advance(25)
    expect(clock.now()).toBe(1_025)
  })

  test('calls back in order of time, each at its own instant, also timers set on the way', () => {
    const clock = fakeClock(0)
    const seen: [string, number][] = []
    const note = (name: string) => () => void seen.push([name, clock.now()])
    clock.after(30, note('third'))
    clock.after(10, () => {
      note('first')()
      clock.after(10, note('second'))
    })
    clock.after(31, note('late'))
    clock.advance(30)
    expect(seen).toEqual([
      ['first', 10],
      ['second', 20],
      ['third', 30],
    ])
    expect(clock.pendingTimers).toBe(1)
  })

  test('forgets a cancelled timer', () => {
    const clock = fakeClock(0)
    const cancel = clock.after(5, () => expect.unreachable('it was cancelled'))
    cancel()
    expect(clock.pendingTimers).toBe(0)
    clock.advance(10)
  })

  test('jumps without calling back, and calls back once time is advanced past the instant', () => {
    const clock = fakeClock(0)
    let called = 0
    clock.after(100, () => called++)
    clock.jump(5_000)
    expect(called).toBe(0)
    clock.advance(1)
    expect([called, clock.now()]).toEqual([1, 5_001])
  })
})
