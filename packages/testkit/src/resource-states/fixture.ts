import type { ResourceStates } from '@mediakeep/core'

/** One empty backend of states, for one case. */
export interface ResourceStatesFixture {
  /** The kit closes it. */
  readonly states: ResourceStates
  /** Opens another handle on the same backend, as a second process would. The kit closes it. */
  second(): ResourceStates | Promise<ResourceStates>
  /** The backend's own time, in milliseconds since the epoch. */
  nowMs(): number | Promise<number>
  /** Lets that time pass: moves the clock, or waits. Asked for a few hundred milliseconds, for more only by `clock` cases. */
  advance(ms: number): Promise<void>
  /** The backend forgets everything, as after a flush. */
  lose?(): Promise<void>
  /** Messages are lost on the way to every handle, as when connections break and come back. */
  gap?(): Promise<void>
  /** What is left when all handles are closed: subscriptions, connections, timers. */
  leftovers?(): Promise<readonly string[]>
  /** Removes the backend. The kit has closed its handles before. */
  cleanup(): Promise<void>
}
