import { describe, expect, it } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { type Budget, NO_BUDGET } from './budget.ts'
import { withBudget } from './with-budget.ts'

const SWITCHES = { stopBursts: true, delayReads: true }

/** A store that keeps one object, and how many holds its calls have not released yet. */
async function budgeted(): Promise<{ store: ObjectStore; open: () => number }> {
  let open = 0
  const budget: Budget = {
    ...NO_BUDGET,
    async hold() {
      open++
      let isOver = false
      return {
        release() {
          if (!isOver) open--
          isOver = true
        },
      }
    },
  }
  const store = withBudget(memoryStore(), undefined, budget, SWITCHES)
  await store.put('key', bytesSource(Buffer.from('body')))
  return { store, open: () => open }
}

describe('withBudget()', () => {
  it('money for a read is set aside until its last byte has come', async () => {
    const { store, open } = await budgeted()
    const reader = await store.get('key')
    expect(open()).toBeGreaterThan(0)
    for await (const _ of reader?.stream() ?? []) continue
    await expect.poll(open).toBe(0)
  })

  it('money for a read that is given up unread is set free', async () => {
    const { store, open } = await budgeted()
    const reader = await store.get('key')
    await reader?.[Symbol.asyncDispose]()
    expect(open()).toBe(0)
  })

  it('money for a read is set free when its call is aborted before anything was read', async () => {
    const { store, open } = await budgeted()
    const call = new AbortController()
    await store.get('key', { signal: call.signal })
    call.abort()
    expect(open()).toBe(0)
  })

  it('a writer holds its money until it is committed or aborted', async () => {
    const { store, open } = await budgeted()
    for (const end of ['commit', 'abort'] as const) {
      const writer = await store.createWriter?.(end)
      await writer?.write(Buffer.from('body'))
      expect(open(), end).toBeGreaterThan(0)
      await writer?.[end]()
      expect(open(), end).toBe(0)
    }
  })
})
