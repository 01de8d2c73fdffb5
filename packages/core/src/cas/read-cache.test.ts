import { expect, it } from 'vitest'
import { createReadCache } from './read-cache.ts'

it('keeps within its bytes and drops what was used longest ago', () => {
  const cache = createReadCache(3 * 1256)
  for (const id of ['a', 'b', 'c']) cache.put(id, Buffer.alloc(1000, id))
  expect(cache.get('a')).toBeDefined()
  cache.put('d', Buffer.alloc(1000))
  expect(cache.get('b')).toBeUndefined()
  expect(cache.get('a')).toBeDefined()
  expect(cache.usedBytes).toBeLessThanOrEqual(3 * 1256)
})

it('takes no object larger than itself, and nothing at size 0', () => {
  const cache = createReadCache(1000)
  cache.put('a', Buffer.alloc(1000))
  expect(cache.get('a')).toBeUndefined()
  createReadCache(0).put('b', Buffer.alloc(0))
  expect(cache.usedBytes).toBe(0)
})

it('accounts for a replaced and a deleted entry', () => {
  const cache = createReadCache(10_000)
  cache.put('a', Buffer.alloc(1000))
  cache.put('a', Buffer.alloc(10))
  expect(cache.usedBytes).toBe(266)
  cache.delete('a')
  cache.delete('a')
  expect(cache.usedBytes).toBe(0)
})
