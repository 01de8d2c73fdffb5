import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ObjectStore, withCircuitBreaker, withLimit, withMeter, withRetry } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { type FaultPlan, randomFaults } from '../faults/plan.ts'
import { withFaults } from '../faults/with-faults.ts'
import { memoryHarness } from '../object-store/memory-harness.ts'
import { describeObjectStore } from '../vitest.ts'
import { decoratorFaults } from './decorator-faults.ts'

/** Open only in tests of opening: the kit's outage ends, and its purge must find the store. */
const patient = { consecutiveFailures: 10_000, minFailures: 10_000 }
const quick = { baseDelayMs: 1, maxDelayMs: 20 }

const decorators: Readonly<Record<string, (store: ObjectStore) => ObjectStore>> = {
  withCircuitBreaker: (store) => withCircuitBreaker(store, patient),
  'withCircuitBreaker that opens at once and tries at once': (store) =>
    withCircuitBreaker(store, { consecutiveFailures: 1, openMs: 0 }),
  withLimit: (store) => withLimit(store, { maxConcurrent: 4 }),
  withMeter: (store) => withMeter(store),
  withRetry: (store) => withRetry(store, quick),
}

const all = (store: ObjectStore): ObjectStore =>
  withLimit(withCircuitBreaker(withRetry(withMeter(store), quick), patient), { maxConcurrent: 8 })

/** Each call waits for a turn or two of the event loop before it does anything. */
const slow: FaultPlan = (member, call) =>
  member.includes('.') || member === 'close' || member === 'localPath'
    ? undefined
    : { type: 'hold', at: 'before', until: call % 2 === 0 ? nextTurn() : nextTurn().then(() => nextTurn()) }

for (const [name, decorate] of Object.entries(decorators)) {
  describeObjectStore(name, memoryHarness({ local: true, wrap: decorate }))
}

describeObjectStore(
  'all decorators over a slow store',
  memoryHarness({ wrap: (store) => all(withFaults(store, slow).store) }),
)

describeObjectStore(
  'withRetry over a flaky store',
  memoryHarness({
    wrap(store) {
      const plan = randomFaults(11, { ratio: 0.2, members: ['get', 'head', 'list', 'delete', 'deleteMany'] })
      return withRetry(withFaults(store, plan).store, { ...quick, maxAttempts: 12 })
    },
  }),
)

describe('decoratorFaults()', () => {
  test.each(Object.entries(decorators))('finds none in %s', async (_name, decorate) => {
    expect(await decoratorFaults(decorate)).toEqual([])
  })
})
