import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrequencySketch, hashOf } from './frequency-sketch.ts'

const hash = (id: string): number => hashOf(id, 0)

describe('the frequency sketch', () => {
  it('never counts less than there was, up to 15', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 600 }), (list) => {
        const sketch = createFrequencySketch(4_096)
        const counts = new Map<string, number>()
        for (const number of list) {
          const id = `id-${number}`
          counts.set(id, (counts.get(id) ?? 0) + 1)
          expect(sketch.count(hash(id))).toBeGreaterThanOrEqual(Math.min(15, counts.get(id) ?? 0))
        }
        sketch.growFor(1_000)
        for (const [id, count] of counts)
          expect(sketch.estimate(hash(id))).toBeGreaterThanOrEqual(Math.min(15, count))
      }),
    )
  })

  it('tells ids apart that it has room for', () => {
    const sketch = createFrequencySketch(2 ** 20)
    sketch.growFor(10_000)
    for (let number = 0; number < 10_000; number++) sketch.count(hash(`id-${number}`))
    const wrong = Array.from({ length: 10_000 }, (_, number) => sketch.estimate(hash(`other-${number}`)))
    expect(wrong.filter((count) => count > 0).length).toBeLessThan(200)
  })

  it('keeps counts when it grows, and never grows beyond its memory', () => {
    const sketch = createFrequencySketch(2 ** 14)
    for (let time = 0; time < 7; time++) sketch.count(hash('a'))
    sketch.growFor(10_000_000)
    expect(sketch.estimate(hash('a'))).toBe(7)
    expect(sketch.memoryBytes).toBe(2 ** 14)
  })

  it('halves every count in a half-life, however small the steps', () => {
    const sketch = createFrequencySketch(2 ** 16)
    sketch.growFor(1_000)
    for (let time = 0; time < 12; time++) sketch.count(hash('a'))
    for (let step = 0; step < 1_000; step++) sketch.age(1 / 1_000)
    expect(sketch.estimate(hash('a'))).toBe(6)
    for (let step = 0; step < 1_000; step++) sketch.age(1 / 1_000)
    expect(sketch.estimate(hash('a'))).toBe(3)
  })
})
