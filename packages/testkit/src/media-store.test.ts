import { isMediaError } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { fakeClock } from './clock.ts'
import { memoryMediaStore } from './media-store.ts'

describe('memoryMediaStore()', () => {
  test('stores, reads, lists and deletes by the real rules', async () => {
    await using store = await memoryMediaStore()
    const media = await store.put(Buffer.from('hello, host'), { at: { key: 'notes/1' }, filename: 'a.txt' })
    await using reader = await store.open({ key: 'notes/1' })
    expect(Buffer.from(await reader.bytes({ maxBytes: 100 })).toString()).toBe('hello, host')
    expect((await store.list()).items.map((item) => item.id)).toEqual([media.id])
    await store.delete(media.id)
    expect(await store.availability(media.id)).toEqual({ state: 'missing' })
  })

  test('keeps two stores apart', async () => {
    await using first = await memoryMediaStore()
    await using second = await memoryMediaStore()
    await first.put(Buffer.from('x'), { filename: 'a.txt' })
    expect((await second.list()).items).toEqual([])
  })

  test('refuses a body over maxBytes', async () => {
    await using store = await memoryMediaStore({ maxBytes: 1000 })
    const refused = await store
      .put(Buffer.alloc(2000), { filename: 'a.bin' })
      .catch((error: unknown) => error)
    expect(isMediaError(refused), String(refused)).toBe(true)
  })

  test('takes the time from the clock given', async () => {
    const clock = fakeClock(Date.UTC(2030, 0, 1))
    await using store = await memoryMediaStore({ clock })
    const media = await store.put(Buffer.from('x'), { filename: 'a.txt' })
    expect(media.createdAt.getTime()).toBe(Date.UTC(2030, 0, 1))
    expect(clock.pendingTimers).toBe(0)
  })
})
