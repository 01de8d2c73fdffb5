import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chooseWaitMs, parseRetryAfter, pause } from './wait.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const parsed = (headers: Record<string, string>) => parseRetryAfter(new Headers(headers), NOW)

describe('parseRetryAfter()', () => {
  it.each([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['spaces around seconds', { 'retry-after': '  7 ' }, 7000],
    ['a date, by the clock here', { 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT' }, 30_000],
    [
      'a date, by the clock of the answer where it has one',
      { 'retry-after': 'Sun, 22 Nov 2026 04:00:30 GMT', date: 'Sun, 22 Nov 2026 04:00:20 GMT' },
      10_000,
    ],
    [
      'a date, by the clock here where the answer has a broken one',
      { 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT', date: 'yesterday' },
      30_000,
    ],
    ['a huge number as it is', { 'retry-after': '99999999999' }, 99_999_999_999_000],
  ])('reads %s', (_what, headers, ms) => {
    expect(parsed(headers)).toBe(ms)
  })

  it.each([
    ['no header', {}],
    ['an empty one', { 'retry-after': '' }],
    ['zero', { 'retry-after': '0' }],
    ['a negative number', { 'retry-after': '-5' }],
    ['a fraction', { 'retry-after': '1.5' }],
    ['a date that is over', { 'retry-after': 'Sun, 22 Nov 2026 09:59:59 GMT' }],
    ['a day that does not exist', { 'retry-after': 'Sun, 99 Nov 2026 10:00:30 GMT' }],
    ['words with a year in them', { 'retry-after': 'soon 2050' }],
    ['two values', { 'retry-after': '5, 10' }],
    ['a hexadecimal number', { 'retry-after': '0x10' }],
  ])('takes %s for no time at all', (_what, headers) => {
    expect(parsed(headers)).toBeUndefined()
  })

  it('never answers anything but a positive time or nothing, whatever the header holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        fc.pre(isHeaderValue(text))
        const ms = parsed({ 'retry-after': text })
        expect(ms === undefined || ms > 0).toBe(true)
      }),
    )
  })
})

function isHeaderValue(text: string): boolean {
  try {
    return new Headers({ 'retry-after': text }).has('retry-after')
  } catch {
    return false
  }
}

const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('chooseWaitMs()', () => {
  it('waits as long as the server named and at most a fifth longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 9 }), fc.nat(200), randoms, (namedMs, attempt, random) => {
        const ms = chooseWaitMs(namedMs, attempt, random)
        expect(ms).toBeGreaterThanOrEqual(namedMs)
        expect(ms).toBeLessThanOrEqual(namedMs * 1.2)
      }),
    )
  })

  it('backs off between half and all of a time that doubles up to 15 s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), randoms, (attempt, random) => {
        const wholeMs = Math.min(500 * 2 ** (attempt - 1), 15_000)
        const ms = chooseWaitMs(undefined, attempt, random)
        expect(ms).toBeGreaterThanOrEqual(wholeMs / 2)
        expect(ms).toBeLessThanOrEqual(wholeMs)
      }),
    )
  })

  it('spreads: different randoms give different waits', () => {
    expect(chooseWaitMs(1000, 1, 0)).not.toBe(chooseWaitMs(1000, 1, 0.5))
    expect(chooseWaitMs(undefined, 1, 0)).not.toBe(chooseWaitMs(undefined, 1, 0.5))
  })
})

describe('pause()', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('waits longest where the time is more than a timer keeps, instead of not at all', async () => {
    let isOver = false
    const paused = pause(Number.POSITIVE_INFINITY, undefined).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(24 * 24 * 3600_000)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(24 * 3600_000)
    await paused
  })
})
