import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createSlots } from './slots.ts'

const never = new AbortController().signal
const slotsOf = (maxTaken: number, maxWaiting: number) =>
  createSlots({ maxTaken, maxWaiting, onFull: () => new Error('full') })

describe('createSlots()', () => {
  test('gives so many, then lets wait in order of arrival, then refuses', async () => {
    const slots = slotsOf(2, 2)
    const order: number[] = []
    const first = await slots.take(never)
    await slots.take(never)
    const waiting = [1, 2].map(async (index) => {
      const leave = await slots.take(never)
      order.push(index)
      return leave
    })
    await expect(slots.take(never)).rejects.toThrow('full')
    expect([slots.taken, slots.waiting]).toEqual([2, 2])
    first()
    first() // counts once
    const leave = await waiting[0]
    expect([slots.taken, slots.waiting, order]).toEqual([2, 1, [1]])
    leave?.()
    await waiting[1]
    expect([slots.taken, slots.waiting, order]).toEqual([2, 0, [1, 2]])
  })

  test('lets go who is aborted while waiting, with the reason, and leaves no listener', async () => {
    const slots = slotsOf(1, 1)
    const leave = await slots.take(never)
    const { signal, abort } = new AbortController()
    const controller = new AbortController()
    const waiting = slots.take(controller.signal)
    const reason = { why: 'any value' }
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(slots.take(AbortSignal.abort(reason))).rejects.toBe(reason)
    const next = slots.take(signal)
    leave()
    const last = await next
    expect(getEventListeners(signal, 'abort')).toEqual([])
    last()
    expect([slots.taken, slots.waiting]).toEqual([0, 0])
    expect(abort).toBeTypeOf('function')
  })
})
