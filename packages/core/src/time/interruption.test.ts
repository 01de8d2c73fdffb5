import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createInterruption } from './interruption.ts'

describe('createInterruption()', () => {
  it('wait() answers as the promise when nothing interrupts', async () => {
    const { wait } = createInterruption()
    await expect(wait(Promise.resolve(7))).resolves.toBe(7)
    await expect(wait(Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  })

  it('interrupt() ends the wait under way with its reason', async () => {
    const { wait, interrupt } = createInterruption()
    const waiting = wait(new Promise<never>(() => {}))
    const reason = new Error('enough')
    interrupt(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  it('wait() after interrupt() rejects with the first reason, and swallows the failure it does not wait for', async () => {
    const { wait, interrupt } = createInterruption()
    interrupt('first')
    interrupt('second')
    await expect(wait(Promise.reject(new Error('nobody hears this')))).rejects.toBe('first')
  })

  it('keeps no value of a wait that has ended', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const { wait } = createInterruption()
    const values: WeakRef<object>[] = []
    for (let count = 0; count < 3; count++) {
      values.push(new WeakRef(await wait(Promise.resolve({ count }))))
    }
    await turn()
    collect()
    // The last one may still be on the stack.
    expect(values.slice(0, 2).map((value) => value.deref())).toEqual([undefined, undefined])
  })
})
