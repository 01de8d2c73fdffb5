import { expect, it } from 'vitest'
import { deadlineOf } from './deadline.ts'

it.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['40m', 40],
  ['5000u', 5],
  ['99999999n', 99.999_999],
  ['00000001S', 1_000],
])('reads %s', (timeout, ms) => {
  const before = Date.now()
  const deadlineMs = deadlineOf(timeout) ?? Number.NaN
  expect(deadlineMs).toBeGreaterThanOrEqual(before + ms)
  expect(deadlineMs).toBeLessThanOrEqual(Date.now() + ms)
})

it('takes a call without one for a call without end', () => {
  expect(deadlineOf(undefined)).toBe(Number.POSITIVE_INFINITY)
})

it.each([
  '',
  'S',
  '1',
  '1s',
  '-1S',
  '1.5S',
  ' 1S',
  '123456789S',
  '1S1',
  '0x1S',
  'soon',
  '1constructor',
  '1S\n',
])('takes %j for none', (timeout) => {
  expect(deadlineOf(timeout)).toBeUndefined()
})
