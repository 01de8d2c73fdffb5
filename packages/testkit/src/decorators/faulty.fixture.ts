import assert from 'node:assert/strict'
import { type MemoryStore, memoryStore, type ObjectStore } from '@mediakeep/core'
import { afterEach } from 'vitest'
import { type FakeClock, fakeClock } from '../clock.ts'
import type { FaultPlan } from '../faults/plan.ts'
import { withFaults } from '../faults/with-faults.ts'

const opened: MemoryStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) {
    assert.equal(store.openCount, 0, 'something is still open')
    await store.close()
  }
})

export interface FaultyMemory {
  /** The memory store as it is. */
  readonly inner: MemoryStore
  /** The same, with the faults. */
  readonly faulty: ObjectStore
  /** Calls of a member that the faulty store has seen. */
  calls(member: string): number
}

/** A memory store under a plan of faults; after the test nothing of it may be open, and it is closed. */
export function faultyMemory(plan: FaultPlan, clock: FakeClock = fakeClock()): FaultyMemory {
  const inner = memoryStore({ clock })
  opened.push(inner)
  const { store, calls } = withFaults(inner, plan)
  return { inner, faulty: store, calls }
}
