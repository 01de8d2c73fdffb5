import { describe, expect, test } from 'vitest'
import { type Circuit, type CircuitOptions, createCircuit } from './circuit.ts'

function circuitAt(options: CircuitOptions = {}) {
  const time = { nowMs: 1_000_000 }
  const states: string[] = []
  const circuit: Circuit = createCircuit(
    options,
    () => time.nowMs,
    () => states.push(circuit.report(time.nowMs).state),
  )
  const call = (outcome: 'succeeded' | 'failed' | 'ignored'): boolean => {
    const pass = circuit.enter(time.nowMs)
    pass?.[outcome]()
    return pass !== undefined
  }
  const calls = (outcomes: string): boolean[] =>
    outcomes
      .split('')
      .map((letter) => call(letter === '.' ? 'succeeded' : letter === 'x' ? 'failed' : 'ignored'))
  return { time, states, circuit, calls, state: () => circuit.report(time.nowMs).state }
}

describe('createCircuit()', () => {
  test('opens after so many failures in a row, however slowly they come, and refuses then', () => {
    const { calls, state, time, states } = circuitAt({ consecutiveFailures: 3 })
    for (let round = 0; round < 3; round++) {
      calls('x')
      time.nowMs += 60_000
    }
    expect(states).toEqual(['open'])
    time.nowMs -= 60_000
    expect(state()).toBe('open')
    expect(calls('..')).toEqual([false, false])
  })

  test('stays closed while a success comes between, and says nothing of what is ignored', () => {
    const { calls, state } = circuitAt({ consecutiveFailures: 3, minFailures: 100 })
    calls('xx.xx.xx.xx.')
    expect(state()).toBe('closed')
    calls('xx')
    calls('ooooo')
    expect(state()).toBe('closed')
    calls('x')
    expect(state()).toBe('open')
  })

  test('opens when half of the calls of the last seconds failed, though no five in a row did', () => {
    const { calls, state, time } = circuitAt({ minFailures: 4, windowMs: 10_000 })
    calls('x.x.x.')
    expect(state()).toBe('closed')
    time.nowMs += 20_000
    calls('x.')
    expect(state()).toBe('closed')
    calls('x.x.x')
    expect(state()).toBe('open')
  })

  test('lets one probe through when its time is over: a success closes it, a failure doubles the time', () => {
    const { calls, circuit, time, state, states } = circuitAt({
      consecutiveFailures: 1,
      openMs: 1_000,
      maxOpenMs: 3_000,
    })
    calls('x')
    expect(circuit.report(time.nowMs).retryAfterMs).toBe(1_000)
    time.nowMs += 1_000
    expect(state()).toBe('half-open')
    const probe = circuit.enter(time.nowMs)
    expect(circuit.enter(time.nowMs)).toBeUndefined()
    probe?.failed()
    expect(circuit.report(time.nowMs).retryAfterMs).toBe(2_000)
    time.nowMs += 2_000
    calls('x')
    expect(circuit.report(time.nowMs).retryAfterMs).toBe(3_000)
    time.nowMs += 3_000
    expect(calls('..')).toEqual([true, true])
    expect(state()).toBe('closed')
    calls('x')
    expect(circuit.report(time.nowMs).retryAfterMs).toBe(1_000)
    expect(states).toEqual(['open', 'open', 'open', 'closed', 'open'])
  })

  test('gives the place of a probe that said nothing to the next call', () => {
    const { calls, time, state } = circuitAt({ consecutiveFailures: 1, openMs: 1_000 })
    calls('x')
    time.nowMs += 1_000
    expect(calls('o')).toEqual([true])
    expect(state()).toBe('half-open')
    expect(calls('.')).toEqual([true])
    expect(state()).toBe('closed')
  })

  test('takes nothing from calls that began before it opened or closed, and each call once', () => {
    const { calls, circuit, time, state } = circuitAt({ consecutiveFailures: 2, openMs: 1_000 })
    const [late, later] = [circuit.enter(time.nowMs), circuit.enter(time.nowMs)]
    calls('xx')
    late?.succeeded()
    expect(state()).toBe('open')
    time.nowMs += 1_000
    calls('.')
    later?.failed()
    later?.failed()
    const twice = circuit.enter(time.nowMs)
    twice?.failed()
    twice?.failed()
    expect(state()).toBe('closed')
    expect(circuit.report(time.nowMs).failures).toBe(1)
  })
})
