import { describe, expect, it } from 'vitest'
import { formatDollars, formatTable } from './table.ts'

describe('formatDollars()', () => {
  it('shows as many digits as tell something', () => {
    const shown = [0, 1234.5, 1, 0.04, 0.0123456, 0.0000046, 0.00000000001, -12, -0.000002].map(formatDollars)
    expect(shown).toEqual([
      '$0',
      '$1,234.50',
      '$1.00',
      '$0.0400',
      '$0.0123',
      '$0.0000046',
      '$0.000000001',
      '-$12.00',
      '-$0.0000020',
    ])
  })
})

describe('formatTable()', () => {
  it('makes columns as wide as what stands in them, and leaves no blanks at the ends', () => {
    expect(
      formatTable(
        [{ head: 'NAME' }, { head: 'N', right: true }, { head: 'X' }],
        [
          ['a', '100', ''],
          ['longer', '1', ''],
        ],
      ),
    ).toBe('NAME      N  X\na       100\nlonger    1')
  })
})
