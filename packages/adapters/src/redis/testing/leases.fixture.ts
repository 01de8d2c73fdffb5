import { isMediaError, type ResourceStates } from '@mediakeep/core'
import { expect } from 'vitest'
import { LONG, READY } from './listen.fixture.ts'

const KEYS = Array.from({ length: 20 }, (_, index) => `k${index}`)

/** One lease, when it was asked for and given, and what came of it. */
export interface Held {
  readonly key: string
  readonly token: number
  readonly askedMs: number
  readonly grantedMs: number
  /** When it was asked to settle, where that was accepted. */
  settleAskedMs?: number
}

/** Claims and settles at random until it is told to stop; only Redis being away is no surprise. */
export async function loadLeases(states: ResourceStates, held: Held[], isOver: () => boolean): Promise<void> {
  const tolerated = async <T>(call: Promise<T>): Promise<T | undefined> => {
    try {
      return await call
    } catch (error) {
      if (!isMediaError(error)) throw error
      expect(['MEDIA_UNAVAILABLE', 'MEDIA_LEASE_LOST']).toContain(error.code)
      await new Promise((resolve) => setTimeout(resolve, 5))
      return undefined
    }
  }
  const isDone = Symbol('done')
  for (let turn = 0; !isOver(); turn++) {
    const key = KEYS[Math.floor(Math.random() * KEYS.length)] ?? ''
    const claimedMs = performance.now()
    const lease = await tolerated(states.claim(key, LONG))
    if (lease === undefined) {
      await tolerated(states.invalidate([key]))
      continue
    }
    const one: Held = { key, token: lease.fencingToken, askedMs: claimedMs, grantedMs: performance.now() }
    held.push(one)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    const askedMs = performance.now()
    if ((await tolerated(states.settle(lease, READY).then(() => isDone))) === isDone)
      one.settleAskedMs = askedMs
  }
}

/** Tokens never go back, and no lease settles once another was given. */
export function expectFenced(held: readonly Held[]): void {
  const broken: string[] = []
  for (const key of KEYS) {
    const leases = held.filter((one) => one.key === key)
    if (new Set(leases.map(({ token }) => token)).size < leases.length) broken.push(`${key}: a token twice`)
    for (const lease of leases)
      for (const next of leases) {
        if (next.askedMs > lease.grantedMs && next.token <= lease.token)
          broken.push(`${key}: a token went back`)
        // Asked, at the latest, before the next was given: after that it is refused.
        if (next.token > lease.token && (lease.settleAskedMs ?? 0) >= next.grantedMs)
          broken.push(`${key}: settled after another was given`)
      }
  }
  expect(broken).toEqual([])
}

export const settledOf = (held: readonly Held[]): number =>
  held.filter(({ settleAskedMs }) => settleAskedMs !== undefined).length
