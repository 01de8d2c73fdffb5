import { describe, expect, test } from 'vitest'
import { valueRule } from './setting.ts'
import { createShadows, type Shadows } from './shadows.ts'

const create = (capacityBytes: number): Shadows =>
  createShadows({ capacityBytes, rule: valueRule('balanced'), maxMemoryBytes: 1 << 20, seed: 0 })

/** Each object is asked for three times while the next few come, and never again. */
function news(shadows: Shadows, from: number, count: number): void {
  for (let at = from; at < from + count; at++)
    for (const age of [0, 2, 4])
      if (at >= age) shadows.request(`news-${at - age}`, 1_000 + ((at - age) % 7) * 500)
}

/** More than fits, round and round. */
function loop(shadows: Shadows, length: number, rounds: number): void {
  for (let at = 0; at < length * rounds; at++) shadows.request(`loop-${at % length}`, 1_000)
}

describe('createShadows()', () => {
  test('favour neither before they have seen enough, and frequency where both lose the same', () => {
    const shadows = create(100_000)
    for (let at = 0; at < 5_000; at++) {
      expect(shadows.favourRecency).toBe(false)
      shadows.request(`once-${at}`, 1_000)
    }
  })

  test('favour recency where only what is newest is asked for, and frequency again when that is over', () => {
    const shadows = create(20_000)
    news(shadows, 0, 4_000)
    expect(shadows.favourRecency).toBe(true)
    loop(shadows, 40, 200)
    expect(shadows.favourRecency).toBe(false)
  })

  test('see fewer ids when there are many, and still tell', () => {
    const shadows = create(200_000_000)
    for (let at = 0; at < 60_000; at++) shadows.request(`many-${at}`, 1_000)
    expect(shadows.favourRecency).toBe(false)
  })
})
