import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMediaError, type ResourceStates } from '@mediakeep/core'
import { type ResourceStatesHarness, resourceStatesConformance } from '@mediakeep/testkit'
import type { CommandContext } from './context.ts'
import { runKit } from './run-kit.ts'

/** No case asks how fast an answer comes. */
const PATIENT_MS = 2_000
/** For a look at the clock of Redis: the end of a lease less its life. */
const LOOK_MS = 1

export const isRedisUrl = (text: string): boolean => /^rediss?:/i.test(text)

/**
 * A Redis through the kit of resource states, under a prefix of its own. What is left of it Redis forgets within a quarter of an hour.
 * @returns the number of faults
 */
export async function checkRedis(context: CommandContext, url: string): Promise<number> {
  try {
    const { openRedisStates } = await import('@mediakeep/adapters/redis')
    const prefix = `mk-doctor:${randomUUID().slice(0, 8)}:`
    const open = (name: string, timeoutMs?: number): Promise<ResourceStates> =>
      openRedisStates({
        url,
        prefix: `${prefix}${name}:`,
        ...(timeoutMs === undefined ? {} : { commandTimeoutMs: timeoutMs }),
      })
    // As a store would ask, so that one that is too slow is told.
    const states = await open('look')
    try {
      await states.read(['doctor'])
    } finally {
      await states.close()
    }
    return await runKit(context, resourceStatesConformance(harnessOf((name) => open(name, PATIENT_MS))))
  } catch (error) {
    if (!isMediaError(error)) throw error
    await context.output.item(
      { check: 'redis', ok: false, error: error.message },
      `FAILED  the Redis: ${error.message}`,
    )
    return 1
  }
}

function harnessOf(open: (name: string) => Promise<ResourceStates>): ResourceStatesHarness {
  let cases = 0
  return {
    clock: 'real',
    async create() {
      const name = String(cases++)
      const listening = async (): Promise<ResourceStates> => {
        const states = await open(name)
        // It begins to listen with the first listener, and says so; cases do not wait for that.
        await new Promise<void>((resolve) => {
          states.subscribe(() => undefined, { onGap: resolve })
        })
        return states
      }
      const clock = await open(`${name}-clock`)
      let looks = 0
      return {
        states: await listening(),
        second: listening,
        async nowMs() {
          const lease = await clock.claim(`look-${looks++}`, { ttlMs: LOOK_MS })
          if (lease === undefined) throw new Error('nobody else looks at the clock here')
          return lease.endsAt.getTime() - LOOK_MS
        },
        advance: (ms) => sleep(ms),
        cleanup: () => clock.close(),
      }
    },
  }
}
