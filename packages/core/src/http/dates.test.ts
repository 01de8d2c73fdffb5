import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from './dates.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const EXAMPLE_MS = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('parseHttpDate()', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads the form %s of RFC 9110',
    (text) => {
      expect(parseHttpDate(text, NOW_MS)).toBe(EXAMPLE_MS)
    },
  )

  it('reads back every date it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseHttpDate(formatHttpDate(seconds * 1000), NOW_MS)).toBe(seconds * 1000)
      }),
    )
  })

  it('puts a two-digit year at most fifty years ahead', () => {
    expect(parseHttpDate('Monday, 06-Jan-76 00:00:00 GMT', NOW_MS)).toBe(Date.UTC(2076, 0, 6))
    expect(parseHttpDate('Thursday, 06-Jan-77 00:00:00 GMT', NOW_MS)).toBe(Date.UTC(1977, 0, 6))
    expect(parseHttpDate('Sunday, 01-Jan-45 00:00:00 GMT', Date.UTC(1999, 0, 1))).toBe(Date.UTC(2045, 0, 1))
    expect(parseHttpDate('Friday, 01-Jan-10 00:00:00 GMT', Date.UTC(1999, 0, 1))).toBe(Date.UTC(2010, 0, 1))
  })

  it.each([
    '',
    'Mon, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Thu, 31 Feb 1994 08:49:37 GMT',
    'Thu, 00 Nov 1994 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
    '784111777',
  ])('refuses %j', (text) => {
    expect(parseHttpDate(text, NOW_MS)).toBeUndefined()
  })
})
