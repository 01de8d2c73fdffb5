import type { Availability, LocateOptions } from '@mediakeep/core'
import { expect, it } from 'vitest'
import { asked, BYTES, direct, forward, gateFixture, scripted } from './gate.fixture.ts'
import { createGate } from './gate.ts'
import type { GateStore } from './gate-store.ts'

/** A gate whose look goes on until it is told, and what it gave the store to look with. */
async function looking(options: { readonly readyTtlMs?: number } = {}) {
  const { store, clock } = await gateFixture()
  await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
  const given: (LocateOptions | undefined)[] = []
  let isHeld = false
  const waiting: (() => void)[] = []
  const slow: GateStore = {
    ...store,
    async locate(ref, how) {
      given.push(how)
      if (isHeld) await new Promise<void>((resolve) => void waiting.push(resolve))
      return store.locate(ref)
    },
  }
  const gate = createGate({ store: slow, authorize: () => true, clock, decisionCache: options })
  return {
    gate,
    clock,
    given,
    hold: () => void (isHeld = true),
    letGo: () => {
      for (const goOn of waiting.splice(0)) goOn()
    },
  }
}

it('a look tells the store how long shared states may take: its own time, or what remains for the answer', async () => {
  const { gate, given } = await looking({ readyTtlMs: 0 })
  await gate.check(asked('/media/k/a'))
  await gate.check(asked('/media/k/a', { deadlineMs: Date.now() + 10_000 }))
  expect(given).toEqual([{ statesWithinMs: 90 }, { statesWithinMs: 90 }])
  await gate.check(asked('/media/k/a', { deadlineMs: Date.now() + 60 }))
  expect(given[2]?.statesWithinMs).toBeGreaterThanOrEqual(0)
  expect(given[2]?.statesWithinMs).toBeLessThanOrEqual(50)
  await gate.check(asked('/media/k/a', { deadlineMs: Date.now() - 1_000 }))
  expect(given[3]).toEqual({ statesWithinMs: 0 })
  gate.close()
})

it('a check whose time is over before that of the look gets what was known last; the look goes on for others', async () => {
  const { gate, clock, given, hold, letGo } = await looking()
  await gate.check(asked('/media/k/a'))
  clock.advance(6_000)
  hold()
  const hasty = gate.check(asked('/media/k/a', { deadlineMs: Date.now() + 20 }))
  const patient = gate.check(asked('/media/k/a', { deadlineMs: Date.now() + 10_000 }))
  clock.advance(30)
  expect(forward(await hasty).facts.state).toBe('ready')
  expect(gate.counts.stale).toBe(1)
  letGo()
  expect(forward(await patient).facts.state).toBe('ready')
  expect(given).toHaveLength(2)
  expect(gate.counts).toMatchObject({ looks: 2, joined: 1, stale: 1, failedLooks: 0 })
  gate.close()
})

it('a check whose time is over while nothing is known is refused with 503, not as missing', async () => {
  const { gate, clock, hold } = await looking()
  hold()
  const hasty = gate.check(asked('/media/k/a', { deadlineMs: Date.now() + 20 }))
  clock.advance(30)
  expect(direct(await hasty)).toMatchObject({ status: 503, facts: { state: 'failed' } })
  gate.close()
})

it('1,000 checks of one name that is not known are one look, and one answer that is made once', async () => {
  const state: Availability = { state: 'cold', tier: 's3', estimateMs: 1_000 }
  const { gate, looks, warm } = await scripted(() => state, { fetches: { perSecond: 1, perPrincipal: 1 } })
  const burst = () => Promise.all(Array.from({ length: 1_000 }, async () => gate.check(asked('/media/k/a'))))
  expect(new Set(await burst()).size).toBe(1)
  expect([looks(), warm.mock.calls.length]).toEqual([1, 1])
  expect(gate.counts).toMatchObject({ looks: 1, joined: 999 })
})

it('what may not be fetched for now is refused by one answer for all who ask', async () => {
  const { gate, looks } = await scripted(() => ({ state: 'cold', tier: 's3', estimateMs: 1_000 }), {
    fetches: false,
  })
  const all = await Promise.all(Array.from({ length: 100 }, async () => gate.check(asked('/media/k/a'))))
  expect(direct(all[0] as (typeof all)[number]).facts).toMatchObject({ reason: 'fetch-budget' })
  expect(new Set(all).size).toBe(1)
  expect(looks()).toBe(1)
})
