import type { Conformance, Waiver } from '../conformance/case.ts'
import { resourceStatesCases } from './cases.ts'
import { createResourceStatesContext, type ResourceStatesContext } from './context.ts'
import type { ResourceStatesFixture } from './fixture.ts'

/** Longest time for one case on a local backend; a live one says its own. */
const CASE_TIMEOUT_MS = 20_000

/** How the kit gets at a backend: give it to `describeResourceStates`, or to `resourceStatesConformance` and a runner of your own. */
export interface ResourceStatesHarness {
  /** An empty backend (or an empty prefix of a live one) for one case. */
  create(): ResourceStatesFixture | Promise<ResourceStatesFixture>
  /** `fake`: `advance` may be asked for days, and time stands still between. `real`: it waits. */
  readonly clock: 'fake' | 'real'
  /** How long the fixtures' handles believe a settled state, where the harness has made that short enough to wait for. */
  readonly settledTtlMs?: number
  readonly waivers?: readonly Waiver[]
  /** Default 20 s. */
  readonly timeoutMs?: number
}

/** The cases of `ResourceStates` bound to one backend. */
export function resourceStatesConformance(
  harness: ResourceStatesHarness,
): Conformance<ResourceStatesContext> {
  return {
    cases: resourceStatesCases,
    waivers: harness.waivers ?? [],
    timeoutMs: harness.timeoutMs ?? CASE_TIMEOUT_MS,
    async capabilities() {
      const fixture = await harness.create()
      const found = new Set<string>()
      if (fixture.lose !== undefined) found.add('lose')
      if (fixture.gap !== undefined) found.add('gap')
      if (harness.clock === 'fake') found.add('clock')
      if (harness.settledTtlMs !== undefined) found.add('settled-ttl')
      await fixture.states.close()
      await fixture.cleanup()
      return found
    },
    async open() {
      const fixture = await harness.create()
      const { context, closeAll } = createResourceStatesContext(fixture, harness.settledTtlMs)
      return {
        context,
        async leftovers() {
          await closeAll()
          return (await fixture.leftovers?.()) ?? []
        },
        async cleanup() {
          await closeAll()
          await fixture.cleanup()
        },
      }
    },
  }
}

export type { ResourceStatesFixture }
