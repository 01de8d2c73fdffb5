import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import { gcModel, scenarios } from './part.ts'
import type { Scenario } from './state.ts'
import { asItIs, broken } from './variants.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const STATES = LONG ? 100_000 : 10_000

const small: readonly Scenario[] = [
  { name: 'the same bytes', putters: [0], deleters: 1, collectors: 1, ticks: 2, crashes: 0 },
  { name: 'new bytes', putters: [1], deleters: 0, collectors: 1, ticks: 2, crashes: 1 },
  { name: 'new bytes twice', putters: [1, 1], deleters: 0, collectors: 1, ticks: 2, crashes: 0 },
]

describe('every order of steps', () => {
  for (const scenario of small) {
    it(`${scenario.name}: all states, and no record is ever without its bytes`, async () => {
      const { complete, violation } = await explore(scenario, asItIs, { maxStates: 200_000 })
      expect(violation).toBeUndefined()
      expect(complete).toBe(true)
    })
  }

  it(`${STATES} states of two putters, a deleter and two collectors`, async () => {
    const { done, violations } = await gcModel.run({
      count: STATES,
      seed: 1,
      signal: new AbortController().signal,
      folder: '',
      progress() {},
      note() {},
    })
    expect(violations).toEqual([])
    expect(done).toBe(STATES)
    expect(scenarios.every(({ putters, collectors }) => putters.length === 2 && collectors === 2)).toBe(true)
  })
})

describe('a protocol with one thing left out is convicted', () => {
  for (const variant of broken) {
    it(variant.name, async () => {
      const violations: (readonly string[])[] = []
      for (const scenario of small) {
        const { violation } = await explore(scenario, variant, { maxStates: 20_000 })
        if (violation !== undefined) violations.push(violation.moves)
      }
      expect(violations.length).toBeGreaterThan(0)
      // Short enough to be followed by hand.
      expect(Math.min(...violations.map(({ length }) => length))).toBeLessThanOrEqual(16)
    })
  }
})
