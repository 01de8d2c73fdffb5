import {
  bytesSource,
  type CircuitBreakerStore,
  isMediaError,
  MediaError,
  type WithCircuitBreakerOptions,
  withCircuitBreaker,
} from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { failingSource, gatedSource } from '../bodies.ts'
import { fakeClock } from '../clock.ts'
import { codeOf } from '../code-of.fixture.ts'
import type { FaultPlan } from '../faults/plan.ts'
import { drain, putBytes } from '../object-store/expect.ts'
import { seededBytes } from '../random.ts'
import { faultyMemory } from './faulty.fixture.ts'

function broken(plan: FaultPlan, options: WithCircuitBreakerOptions = {}) {
  const clock = fakeClock()
  const { inner, faulty, calls } = faultyMemory(plan, clock)
  const store = withCircuitBreaker(faulty, { clock, consecutiveFailures: 3, openMs: 1_000, ...options })
  return { store, clock, inner, calls }
}

const down: FaultPlan = (member) => (member === 'close' ? undefined : { type: 'fail', at: 'before' })
const every = (store: CircuitBreakerStore): Record<string, () => Promise<unknown>> => ({
  put: () => putBytes(store, 'a', 'x'),
  get: async () => (await store.get('a'))?.[Symbol.asyncDispose](),
  head: () => store.head('a'),
  delete: () => store.delete('a'),
  deleteMany: () => store.deleteMany(['a']),
  list: () => store.list(),
  createWriter: () => Promise.resolve(store.createWriter?.('a')),
  openFile: () => Promise.resolve(store.openFile?.('a')),
})

describe('withCircuitBreaker()', () => {
  test('opens after failures of any member, then refuses every member at once with the time to wait', async () => {
    for (const member of Object.keys(every(broken([]).store))) {
      const { store, calls } = broken(down)
      for (let call = 0; call < 3; call++)
        expect(await codeOf(every(store)[member]?.() ?? Promise.resolve())).toBe('injected')
      for (const [name, run] of Object.entries(every(store)))
        expect(await codeOf(run()), name).toBe('circuit-open')
      expect(calls(member)).toBe(3)
      const error = await store.head('a').catch((thrown: unknown) => thrown)
      expect(isMediaError(error, 'MEDIA_UNAVAILABLE') && [error.retryable, error.retryAfterMs]).toEqual([
        true,
        1_000,
      ])
    }
  })

  test('lets one call try after its time, and closes when that succeeds', async () => {
    let isDown = true
    const states: string[] = []
    const { store, clock, calls } = broken(
      (member, call) => (isDown ? (typeof down === 'function' ? down(member, call) : undefined) : undefined),
      {
        onState: ({ state }, name) => states.push(`${name} ${state}`),
      },
    )
    for (let call = 0; call < 3; call++) await codeOf(store.head('a'))
    clock.advance(1_000)
    expect(await Promise.all([codeOf(store.head('a')), codeOf(store.head('a'))])).toEqual([
      'injected',
      'circuit-open',
    ])
    expect(store.circuit()).toMatchObject({ state: 'open', retryAfterMs: 2_000 })
    isDown = false
    clock.advance(2_000)
    expect(await codeOf(store.head('a'))).toBe('ok')
    expect(store.circuit()).toEqual({ state: 'closed', failures: 0, retryAfterMs: 0 })
    expect(calls('head')).toBe(5)
    expect(states).toEqual(['memory open', 'memory open', 'memory closed'])
  })

  test('stays closed whatever the caller does wrong', async () => {
    const { store } = broken([], { consecutiveFailures: 1, minFailures: 1 })
    await putBytes(store, 'a', 'abc')
    const refusals: (() => Promise<unknown>)[] = [
      () => store.head('absent'),
      () => store.get('absent'),
      () => store.head(''),
      () => store.get('a', { range: { start: 9, endExclusive: 10 } }),
      () => store.put('a', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }),
      () => store.put('a', bytesSource(Buffer.from('x')), { checksum: `sha256:${'0'.repeat(64)}` }),
      () => store.head('a', { deadlineAt: new Date(0) }),
      () =>
        store.head('a', {
          signal: AbortSignal.abort(new MediaError('MEDIA_UNAVAILABLE', 'the caller says so')),
        }),
      () => store.put('a', failingSource(seededBytes(1, 100_000), 50_000, new Error('the source broke'))),
      () =>
        store.put(
          'a',
          failingSource(
            seededBytes(1, 100_000),
            50_000,
            new MediaError('MEDIA_UNAVAILABLE', 'of another store'),
          ),
        ),
    ]
    for (const run of refusals) await codeOf(run())
    expect(store.circuit()).toEqual({ state: 'closed', failures: 0, retryAfterMs: 0 })
  })

  test('takes a slow source for slow, and a backend that answers no read for down', async () => {
    const { store, clock } = broken(
      [
        {
          member: 'head',
          times: 'forever',
          effect: { type: 'hold', at: 'before', until: new Promise(() => {}) },
        },
      ],
      { consecutiveFailures: 1 },
    )
    const source = gatedSource(seededBytes(2, 100_000), 50_000)
    const put = codeOf(store.put('a', source, { deadlineAt: new Date(clock.now() + 5_000) }))
    await source.reached
    clock.advance(5_000)
    expect(await put).toBe('deadline')
    expect(store.circuit().state).toBe('closed')
  })

  test('counts bodies that the backend breaks off, not readers that leave', async () => {
    const cut = new MediaError('MEDIA_UNAVAILABLE', 'cut off')
    const { store } = broken(
      (member) => (member === 'get' ? { type: 'cut', atByte: 700_000, error: cut } : undefined),
      { consecutiveFailures: 2 },
    )
    await putBytes(store, 'a', seededBytes(3, 1_000_000))
    const read = async (): Promise<void> => {
      const reader = await store.get('a')
      if (reader !== undefined) await drain(reader.stream())
    }
    for await (const _chunk of (await store.get('a'))?.stream() ?? []) break
    const left = (await store.get('a'))?.stream().on('error', () => {})
    left?.destroy(new MediaError('MEDIA_UNAVAILABLE', 'the destination failed'))
    await new Promise((resolve) => left?.once('close', resolve))
    expect(store.circuit().failures).toBe(0)
    await expect(read()).rejects.toBe(cut)
    expect(store.circuit().failures).toBe(1)
  })

  test('counts a batch as failed only when every key was', async () => {
    const clock = fakeClock()
    const { inner } = faultyMemory([], clock)
    const failed = new MediaError('MEDIA_UNAVAILABLE', 'no')
    let failing = 1
    const flaky = Object.assign({}, inner, {
      deleteMany: async (keys: readonly string[]) =>
        keys.map((key, index) => (index < failing ? { key, error: failed } : { key })),
    })
    const store = withCircuitBreaker(flaky, { clock, consecutiveFailures: 1 })
    await store.deleteMany(['a', 'b'])
    expect(store.circuit().state).toBe('closed')
    failing = 2
    await store.deleteMany(['a', 'b'])
    expect(store.circuit().state).toBe('open')
  })

  test('swallows what its listener throws', async () => {
    const { store } = broken(down, {
      consecutiveFailures: 1,
      onState() {
        throw new Error('the listener is broken')
      },
    })
    expect(await codeOf(store.head('a'))).toBe('injected')
    expect(store.circuit().state).toBe('open')
  })
})
