import { describe, expect, test } from 'vitest'
import { isMediaError } from '../errors/media-error.ts'
import { memoryStates } from './memory-states.ts'
import { createStateTable } from './state-table.ts'

const clock = { nowMs: 1_000, now: () => clock.nowMs, after: () => () => {} }

describe('createStateTable()', () => {
  test('forgets settled states over its bound, those read last stay, and live leases always do', async () => {
    const table = createStateTable({ maxEntries: 100 })
    const states = memoryStates({ clock, table })
    const held = await states.claim('held', { ttlMs: 60_000 })
    for (let index = 0; index < 1_000; index++) {
      const lease = await states.claim(`k${index}`, { ttlMs: 60_000 })
      if (lease !== undefined) await states.settle(lease, { state: 'cold', tier: 's3' })
      await states.read(['k0'])
      expect(table.size).toBeLessThanOrEqual(101)
    }
    expect(table.size).toBeGreaterThan(50)
    expect((await states.read(['k0', 'k1', 'k999'])).map((state) => state?.state)).toEqual([
      'cold',
      undefined,
      'cold',
    ])
    if (held !== undefined) await states.settle(held, { state: 'cold', tier: 's3' })
    await states.close()
  })

  test('refuses leases over its bound as MEDIA_BUSY, and takes the place of those that ended', async () => {
    const states = memoryStates({ clock, table: createStateTable({ maxLeases: 2 }) })
    await states.claim('a', { ttlMs: 10 })
    await states.claim('b', { ttlMs: 1_000 })
    const error = await states.claim('c', { ttlMs: 10 }).catch((thrown: unknown) => thrown)
    expect(isMediaError(error, 'MEDIA_BUSY')).toBe(true)
    clock.nowMs += 10
    expect(await states.claim('c', { ttlMs: 10 })).toBeDefined()
    expect(await states.claim('b', { ttlMs: 10 })).toBeUndefined()
    await states.close()
  })

  test('keeps tokens growing while the clock goes back', async () => {
    const table = createStateTable()
    const states = memoryStates({ clock, table })
    const first = await states.claim('a', { ttlMs: 10 })
    table.lose()
    clock.nowMs -= 500
    const second = await states.claim('a', { ttlMs: 10 })
    expect(second?.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0)
    await states.close()
  })
})
