import type { Clock, MediaLocation } from '@mediakeep/core'
import { expect, it, vi } from 'vitest'
import type { GateAnswer } from '../contracts.ts'
import { asked, gateFixture } from './gate.fixture.ts'
import { createGate } from './gate.ts'

/** Takes all of the processor, as a burst of questions does: nothing is read meanwhile. */
function stallFor(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; ) continue
}

interface Looking {
  readonly answer: GateAnswer | Promise<GateAnswer>
  /** Timers in the order they were set. */
  readonly timers: readonly { readonly ms: number; readonly ring: () => void }[]
  readonly failedLooks: () => number
  find(): void
}

/** A check whose look goes on until `find`, with timers that ring when the test says so. */
async function look(): Promise<Looking> {
  const { store } = await gateFixture()
  await store.put(Buffer.from('x'), { at: { key: 'a' }, visibility: 'public' })
  const location = await store.locate({ key: 'a' })
  const timers: { ms: number; ring: () => void }[] = []
  const clock: Clock = {
    now: () => Date.now(),
    after(ms, ring) {
      timers.push({ ms, ring })
      return () => undefined
    },
  }
  let resolve: (found: MediaLocation) => void = () => undefined
  const gate = createGate({
    store: {
      ...store,
      locate: () =>
        new Promise((onFound) => {
          resolve = onFound
        }),
    },
    authorize: () => true,
    clock,
  })
  const answer = gate.check(asked('/media/k/a'))
  return { answer, timers, failedLooks: () => gate.counts.failedLooks, find: () => resolve(location) }
}

it('a process that was busy beyond the time of a look still reads what it was told meanwhile', async () => {
  const { answer, timers, failedLooks, find } = await look()
  stallFor(130)
  timers[0]?.ring()
  expect(timers.map(({ ms }) => ms)).toEqual([80, 100])
  find()
  expect((await answer).facts).toMatchObject({ state: 'ready' })
  expect(failedLooks()).toBe(0)
})

it('a process that was busy for as long as a look may take, and no longer, reads it too', async () => {
  const { answer, timers, failedLooks, find } = await look()
  stallFor(101)
  timers[0]?.ring()
  expect(timers.map(({ ms }) => ms)).toEqual([80, 100])
  find()
  expect((await answer).facts).toMatchObject({ state: 'ready' })
  expect(failedLooks()).toBe(0)
})

it('a process that was not busy waits for the time of a look', async () => {
  const { answer, timers, failedLooks } = await look()
  vi.spyOn(performance, 'now').mockReturnValue(performance.now())
  timers[0]?.ring()
  timers[1]?.ring()
  vi.restoreAllMocks()
  expect(timers.map(({ ms }) => ms)).toEqual([80, 20])
  expect((await answer).facts).toMatchObject({ state: 'failed', reason: 'unreachable' })
  expect(failedLooks()).toBe(1)
})

it('a process that was busy waits no longer than as long again for who says nothing', async () => {
  const { answer, timers, failedLooks } = await look()
  stallFor(130)
  timers[0]?.ring()
  timers[1]?.ring()
  expect((await answer).facts).toMatchObject({ state: 'failed', reason: 'unreachable' })
  expect(failedLooks()).toBe(1)
})
