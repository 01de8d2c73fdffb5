import { expect, it } from 'vitest'
import { attackRows } from './attack-rows.mjs'

const test = (title, status = 'passed') => ({ title, status })

it('counts each row once, by its list, and only where all of its tests have passed', () => {
  const tests = [
    test('2.13-tus-01 a slow body'),
    test('2.2-01 valid'),
    test('2.2-01 valid, again'),
    test('2.2-02 another path', 'failed'),
    test('2.2-02 another path, again'),
    test('2.6-03b a variant of row 3'),
    test('2.6-03 a row'),
    test('takes 2.2-03 for no row'),
  ]
  expect(attackRows(tests)).toBe('attack rows: 2.2 1 of 2, 2.6 1 of 1, 2.13 1 of 1; 3 of 4 passed')
})

it('says nothing where none was run', () => {
  expect(attackRows([test('anything')])).toBeUndefined()
})
