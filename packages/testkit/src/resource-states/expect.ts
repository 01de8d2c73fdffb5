import assert from 'node:assert/strict'
import type { ClaimOptions, Lease, ResourceState, ResourceStates, SettledState } from '@mediakeep/core'

/** A lease long enough for any case. */
export const LONG: ClaimOptions = { ttlMs: 60_000 }
/** A lease that a case waits for the end of. */
export const SHORT: ClaimOptions = { ttlMs: 200 }
export const AFTER_SHORT_MS = 260

export const READY: SettledState = { state: 'ready', tier: 'disk', since: new Date(1_767_225_600_000) }
export const COLD: SettledState = { state: 'cold', tier: 's3' }
export const HELD: SettledState = { state: 'held', reason: 'quarantined' }
export const FAILED: SettledState = { state: 'failed', retryAfterMs: 60_000, reason: 'backend-down' }

export async function claimed(
  states: ResourceStates,
  key: string,
  options: ClaimOptions = LONG,
): Promise<Lease> {
  const lease = await states.claim(key, options)
  assert.ok(lease !== undefined, `claim(${JSON.stringify(key)}) is refused, nobody holds it`)
  return lease
}

export async function refused(states: ResourceStates, key: string, why: string): Promise<void> {
  assert.equal(await states.claim(key, LONG), undefined, `claim() gives a lease although ${why}`)
}

export async function settled(states: ResourceStates, key: string, to: SettledState): Promise<void> {
  await states.settle(await claimed(states, key), to)
}

export async function stateNow(states: ResourceStates, key: string): Promise<ResourceState | undefined> {
  const answers = await states.read([key])
  assert.equal(answers.length, 1, 'read() of one key gives not one answer')
  return answers[0]
}

export async function reads(
  states: ResourceStates,
  key: string,
  state: ResourceState['state'] | undefined,
  when: string,
): Promise<void> {
  assert.equal((await stateNow(states, key))?.state, state, `${when}: read() gives another state`)
}
