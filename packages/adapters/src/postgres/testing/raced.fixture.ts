import { catalogConformance } from '@mediakeep/testkit'
import { describeConformance } from '@mediakeep/testkit/vitest'
import { expect, test } from 'vitest'
import { type PostgresHarnessOptions, postgresHarness } from './harness.fixture.ts'
import type { TestServer } from './server.fixture.ts'
import { onWire, raising, type WireHooks } from './wire.fixture.ts'

/** A call is tried 16 times. */
const MOST_IN_A_ROW = 12

/**
 * A transaction fails at each statement that has not failed before; when all have, every other one fails once, at a place
 * that moves on from its beginning over its statements to its COMMIT.
 */
function racing(failed: Map<string, boolean>): WireHooks {
  const PLACES = 24
  let last = { attempt: -1, inARow: 0 }
  return {
    statement(text, _values, nth, attempt) {
      if (!failed.has(text)) failed.set(text, false)
      const place = (attempt >> 1) % PLACES
      const isPlace = attempt % 2 === 0 && (nth === place || (place >= PLACES / 2 && text === 'COMMIT'))
      const inARow = last.attempt === attempt - 1 ? last.inARow + 1 : 1
      const isNew = failed.get(text) === false && inARow <= MOST_IN_A_ROW
      if (last.attempt === attempt || !(isPlace || isNew)) return undefined
      last = { attempt, inARow }
      failed.set(text, true)
      return raising('40001')
    },
  }
}

/** The kit while others come between, and a test that each statement it sent was failed by them. */
export function describeRaced(name: string, on: TestServer, options: PostgresHarnessOptions = {}): void {
  /** Each statement by its text: whether it has failed. */
  const failed = new Map<string, boolean>()
  const conformance = catalogConformance(
    postgresHarness(on.pool(), { ...options, around: (inner) => onWire(inner, racing(failed)) }),
  )
  // Filling their lists of a thousand and more so takes minutes, and no statement is theirs alone.
  const isShort = (id: string): boolean => id !== 'list.pages' && id !== 'list.filter.sparse'
  const cases = conformance.cases.filter(({ id }) => isShort(id))
  describeConformance(name, { ...conformance, cases })
  test(`${name}: each statement that it knows was failed`, () => {
    expect(failed.size).toBeGreaterThan(100)
    expect([...failed].flatMap(([text, hasFailed]) => (hasFailed ? [] : [text]))).toEqual([])
  })
}
