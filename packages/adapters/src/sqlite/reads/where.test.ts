import { expect, test } from 'vitest'
import { createReadPlace, isOnePosting } from './where.ts'

test('short reads stay in process until one was slow, and come back after a while', () => {
  let now = 0
  const place = createReadPlace(() => now)
  expect(place.isInProcess(100)).toBe(true)
  expect(place.isInProcess(101)).toBe(false)
  place.run(() => {
    now += 9
  })
  expect(place.isInProcess(1)).toBe(true)
  place.run(() => {
    now += 11
  })
  expect(place.isInProcess(1)).toBe(false)
  now += 10_000
  expect(place.isInProcess(1)).toBe(true)
})

test('a list that walks several postings, or filters without one, is no short read', () => {
  expect(isOnePosting({})).toBe(true)
  expect(isOnePosting({ owner: 'o', limit: 10 })).toBe(true)
  expect(isOnePosting({ owner: 'o', tag: 't' })).toBe(true)
  expect(isOnePosting({ owner: 'o', key: 'k' })).toBe(true)
  expect(isOnePosting({ owner: 'o', type: 'image/*' })).toBe(false)
  expect(isOnePosting({ owner: 'o', tag: 't', type: 'image/*' })).toBe(false)
  expect(isOnePosting({ state: 'active' })).toBe(false)
  expect(isOnePosting({ q: 'word' })).toBe(false)
  expect(isOnePosting({ createdAfter: new Date(0) })).toBe(false)
})
