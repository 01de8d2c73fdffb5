import type { ResourceStates } from '@mediakeep/core'
import type { ConformanceCase } from '../conformance/case.ts'
import type { ResourceStatesFixture } from './fixture.ts'

/** What a case of `ResourceStates` gets: one empty backend. */
export interface ResourceStatesContext {
  readonly states: ResourceStates
  /** Another handle on the same backend, as of another process. */
  second(): Promise<ResourceStates>
  nowMs(): Promise<number>
  advance(ms: number): Promise<void>
  /** Only for cases that need `lose`. */
  lose(): Promise<void>
  /** Only for cases that need `gap`. */
  gap(): Promise<void>
  /** How long a settled state is believed. Only for cases that need `settled-ttl`. */
  readonly settledTtlMs: number
}

export type ResourceStatesCase = ConformanceCase<ResourceStatesContext>

export interface CreatedContext {
  readonly context: ResourceStatesContext
  closeAll(): Promise<void>
}

export function createResourceStatesContext(
  fixture: ResourceStatesFixture,
  settledTtlMs: number | undefined,
): CreatedContext {
  const handles = [fixture.states]
  return {
    context: {
      states: fixture.states,
      settledTtlMs: settledTtlMs ?? 0,
      async second() {
        const states = await fixture.second()
        handles.push(states)
        return states
      },
      nowMs: async () => fixture.nowMs(),
      advance: (ms) => fixture.advance(ms),
      async lose() {
        if (fixture.lose === undefined) throw new Error('the harness cannot lose states')
        await fixture.lose()
      },
      async gap() {
        if (fixture.gap === undefined) throw new Error('the harness cannot lose messages')
        await fixture.gap()
      },
    },
    async closeAll() {
      for (const handle of handles) await handle.close()
    },
  }
}
