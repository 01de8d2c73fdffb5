import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSieveCache } from './sieve-cache.ts'

it('keeps what is asked for again while a walk over other names goes by', () => {
  const cache = createSieveCache<number>({ maxEntries: 10, maxBytes: 1e9 })
  for (let n = 0; n < 5; n++) cache.set(`hot-${n}`, n, 1)
  for (let n = 0; n < 1_000; n++) {
    for (let hot = 0; hot < 5; hot++) expect(cache.get(`hot-${hot}`), `after ${n}`).toBe(hot)
    cache.set(`once-${n}`, n, 1)
  }
})

it('drops entries in the order they came where none is asked for again', () => {
  const dropped: string[] = []
  const cache = createSieveCache<number>({ maxEntries: 3, maxBytes: 1e9 }, (key) => dropped.push(key))
  for (let n = 0; n < 6; n++) cache.set(`${n}`, n, 1)
  expect(dropped).toEqual(['0', '1', '2'])
})

it('keeps a mark when a value is replaced', () => {
  const cache = createSieveCache<number>({ maxEntries: 2, maxBytes: 1e9 })
  cache.set('a', 1, 1)
  cache.set('b', 1, 1)
  cache.get('a')
  cache.set('a', 2, 1)
  cache.set('c', 1, 1)
  expect([cache.get('a'), cache.get('b')]).toEqual([2, undefined])
})

it('is never over its bounds, knows what it costs, and tells of each entry that leaves', () => {
  const act = fc.record({
    type: fc.constantFrom('set', 'get', 'delete', 'clear'),
    key: fc.integer({ min: 0, max: 30 }),
    cost: fc.integer({ min: 1, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
      const there = new Map<string, number>()
      const cache = createSieveCache<number>({ maxEntries: 8, maxBytes: 100 }, (key) => there.delete(key))
      for (const { type, key, cost } of acts) {
        if (type === 'set') {
          cache.set(`${key}`, cost, cost)
          if (cost <= 100) there.set(`${key}`, cost)
        } else if (type === 'get') expect(cache.get(`${key}`)).toBe(there.get(`${key}`))
        else if (type === 'delete') cache.delete(`${key}`)
        else if (key === 0) cache.clear()
        expect(cache.size).toBe(there.size)
        expect(cache.size).toBeLessThanOrEqual(8)
        expect(cache.usedBytes).toBe([...there.values()].reduce((sum, each) => sum + each, 0))
        expect(cache.usedBytes).toBeLessThanOrEqual(100)
      }
    }),
    { numRuns: 2_000 },
  )
})

it('keeps nothing where it has no room', () => {
  const none = createSieveCache<number>({ maxEntries: 0, maxBytes: 100 })
  none.set('a', 1, 1)
  expect(none.get('a')).toBeUndefined()
  const small = createSieveCache<number>({ maxEntries: 5, maxBytes: 10 })
  small.set('a', 1, 11)
  expect(small.size).toBe(0)
})
