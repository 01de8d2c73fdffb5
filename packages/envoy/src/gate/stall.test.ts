import { stat } from 'node:fs/promises'
import { systemClock } from '@mediakeep/core'
import { expect, it } from 'vitest'
import { asked, gateFixture } from './gate.fixture.ts'
import { createGate } from './gate.ts'
import type { GateStore } from './gate-store.ts'

/** Takes all of the processor, as a burst of questions does: nothing is read meanwhile. */
function stallFor(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; ) continue
}

async function gateOver(locate: (inner: GateStore) => NonNullable<GateStore['locate']>) {
  const { store } = await gateFixture()
  await store.put(Buffer.from('x'), { at: { key: 'a' }, visibility: 'public' })
  return createGate({ store: { ...store, locate: locate(store) }, authorize: () => true, clock: systemClock })
}

it('a process that was busy beyond the time of a look still reads what it was told meanwhile', async () => {
  const gate = await gateOver((inner) => async (ref, options) => {
    // As a catalog, a volume and a Redis that answer in no time, one after the other.
    for (let hop = 0; hop < 3; hop++) await stat('.')
    return inner.locate?.(ref, options) ?? Promise.reject(new Error('it locates'))
  })
  const answer = gate.check(asked('/media/k/a'))
  stallFor(130)
  expect((await answer).facts).toMatchObject({ state: 'ready' })
  expect(gate.counts.failedLooks).toBe(0)
  gate.close()
})

it('a process that was busy waits no longer than half as long again for who says nothing', async () => {
  const gate = await gateOver(() => () => new Promise(() => {}))
  const answer = gate.check(asked('/media/k/a'))
  stallFor(130)
  const stalledMs = performance.now()
  expect((await answer).facts).toMatchObject({ state: 'failed', reason: 'unreachable' })
  expect(performance.now() - stalledMs).toBeGreaterThan(40)
  expect(gate.counts.failedLooks).toBe(1)
  gate.close()
})
