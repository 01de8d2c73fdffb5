import type { MediaRecord } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { createRecordMemo, memoName } from './memo.ts'

const record = (id: string): MediaRecord => ({ id }) as MediaRecord

test('a memo forgets everything when the version changes', () => {
  const memo = createRecordMemo(10)
  expect(memo.get(1, 'a')).toBeUndefined()
  memo.set(1, 'a', record('a'))
  expect(memo.get(1, 'a')).toEqual(record('a'))
  expect(memo.get(2, 'a')).toBeUndefined()
  expect(memo.get(2, 'a')).toBeUndefined()
})

test('a record read under an older version is not remembered', () => {
  const memo = createRecordMemo(10)
  memo.get(2, 'a')
  memo.set(1, 'a', record('a'))
  expect(memo.get(2, 'a')).toBeUndefined()
})

test('a memo is bounded, and keeps what is asked for', () => {
  const memo = createRecordMemo(10)
  memo.get(1, 'hot')
  memo.set(1, 'hot', record('hot'))
  for (let at = 0; at < 100; at++) {
    memo.set(1, `${at}`, record(`${at}`))
    expect(memo.get(1, 'hot')).toBeDefined()
  }
  const kept = Array.from({ length: 100 }, (_, at) => memo.get(1, `${at}`)).filter((one) => one !== undefined)
  expect(kept.length).toBeLessThanOrEqual(20)
})

test('a memo of no records remembers none', () => {
  const memo = createRecordMemo(0)
  memo.get(1, 'a')
  memo.set(1, 'a', record('a'))
  expect(memo.get(1, 'a')).toBeUndefined()
})

test('an id and a key of one text have two names', () => {
  expect(memoName('n', 'a')).not.toBe(memoName('n', { key: 'a' }))
})
