import type { Lease, ResourceStates, SettledState } from '@mediakeep/core'

export const LONG = { ttlMs: 60_000 }
export const READY: Extract<SettledState, { state: 'ready' }> = {
  state: 'ready',
  tier: 'disk',
  since: new Date(0),
}

export async function claimed(states: ResourceStates, key: string): Promise<Lease> {
  const lease = await states.claim(key, LONG)
  if (lease === undefined) throw new Error(`somebody holds ${key}`)
  return lease
}

export interface Heard {
  readonly keys: string[]
  gaps: number
}

/** What is heard from now on; resolves when listening has begun. */
export async function listen(states: ResourceStates): Promise<Heard> {
  const heard: Heard = { keys: [], gaps: 0 }
  await new Promise<void>((resolve) => {
    states.subscribe((keys) => void heard.keys.push(...keys), {
      onGap() {
        heard.gaps += 1
        resolve()
      },
    })
  })
  heard.gaps = 0
  return heard
}
