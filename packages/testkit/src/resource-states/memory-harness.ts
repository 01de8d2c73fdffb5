import { createStateTable, memoryStates, type ResourceStates, type StateTable } from '@mediakeep/core'
import { type FakeClock, fakeClock } from '../clock.ts'
import type { ResourceStatesHarness } from './harness.ts'

const SETTLED_TTL_MS = 300_000

export interface MemoryStatesHarnessOptions {
  /** Around each handle. */
  readonly wrap?: (states: ResourceStates, table: StateTable, clock: FakeClock) => ResourceStates
  readonly timeoutMs?: number
}

/** A harness over states in memory with a clock that stands still: what the kit and its mutants are judged on. */
export function memoryStatesHarness(options: MemoryStatesHarnessOptions = {}): ResourceStatesHarness {
  const { wrap = (states) => states } = options
  return {
    clock: 'fake',
    settledTtlMs: SETTLED_TTL_MS,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    create() {
      const table = createStateTable()
      const clock = fakeClock()
      const open = (): ResourceStates =>
        wrap(memoryStates({ clock, table, settledTtlMs: SETTLED_TTL_MS }), table, clock)
      return {
        states: open(),
        second: open,
        nowMs: () => clock.now(),
        advance: async (ms) => clock.advance(ms),
        lose: async () => table.lose(),
        gap: async () => table.lose(),
        leftovers: async () =>
          table.subscribers.size === 0 ? [] : [`${table.subscribers.size} subscriptions after close`],
        cleanup: async () => {},
      }
    },
  }
}
