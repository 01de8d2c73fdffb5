import { describe, expect, it } from 'vitest'
import { parseWriteCondition, revisionUnlessModified } from './conditions.ts'
import type { RequestHeaders } from './headers.ts'
import { EARLIER, MODIFIED, MODIFIED_AT, NOW_MS } from './render.fixture.ts'

describe('parseWriteCondition()', () => {
  it.each<[string, RequestHeaders, unknown]>([
    ['nothing of no condition', {}, undefined],
    ['absent of If-None-Match *', { 'if-none-match': '*' }, { type: 'absent' }],
    ['exists of If-Match *', { 'if-match': ' * ' }, { type: 'exists' }],
    ['match of a tag', { 'if-match': '"a"' }, { type: 'match', etags: ['a'] }],
    ['match of several lines', { 'if-match': ['"a"', '"b,c"'] }, { type: 'match', etags: ['a', 'b,c'] }],
    ['the strong tags only', { 'if-match': 'W/"a", "b"' }, { type: 'match', etags: ['b'] }],
    [
      'a condition that cannot hold of weak tags alone',
      { 'if-match': 'W/"a"' },
      { type: 'match', etags: [] },
    ],
  ])('makes %s', (_, headers, expected) => {
    expect(parseWriteCondition(headers)).toEqual(expected)
  })

  it.each<[string, RequestHeaders]>([
    ['an unquoted tag', { 'if-match': 'a' }],
    ['an empty If-Match', { 'if-match': '' }],
    ['an unfinished tag', { 'if-match': '"a' }],
    ['two tags without a comma', { 'if-match': '"a" "b"' }],
    ['a lower-case weak mark', { 'if-match': 'w/"a"' }],
    ['* within a list', { 'if-match': '"a", *' }],
    ['If-None-Match with a tag', { 'if-none-match': '"a"' }],
    ['both at once', { 'if-match': '"a"', 'if-none-match': '*' }],
  ])('refuses %s rather than write without the condition', (_, headers) => {
    expect(() => parseWriteCondition(headers)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-condition' }),
    )
  })

  it('reads the tag of a record as its revision, and a content tag as that', () => {
    expect(parseWriteCondition({ 'if-match': '"r12"' }, 'record')).toEqual({ type: 'revision', revision: 12 })
    expect(parseWriteCondition({ 'if-match': '"sha256-x"' }, 'record')).toEqual({
      type: 'match',
      etags: ['sha256-x'],
    })
    expect(parseWriteCondition({ 'if-match': '"r12"' }, 'content')).toEqual({ type: 'match', etags: ['r12'] })
    expect(parseWriteCondition({ 'if-match': '"r012"' }, 'record')).toEqual({
      type: 'match',
      etags: ['r012'],
    })
  })
})

describe('revisionUnlessModified()', () => {
  const current = { modifiedAt: MODIFIED_AT, revision: 4 }

  it('binds the write to the revision that was looked at', () => {
    expect(revisionUnlessModified({ 'if-unmodified-since': MODIFIED }, current, NOW_MS)).toEqual({
      type: 'revision',
      revision: 4,
    })
  })

  it('refuses when the record changed since the date', () => {
    const act = (): unknown => revisionUnlessModified({ 'if-unmodified-since': EARLIER }, current, NOW_MS)
    expect(act).toThrow(expect.objectContaining({ code: 'MEDIA_PRECONDITION' }))
  })

  it('gives way to If-Match, to bad dates and to records that are not there', () => {
    expect(
      revisionUnlessModified({ 'if-unmodified-since': EARLIER, 'if-match': '"a"' }, current, NOW_MS),
    ).toBeUndefined()
    expect(revisionUnlessModified({ 'if-unmodified-since': 'soon' }, current, NOW_MS)).toBeUndefined()
    expect(revisionUnlessModified({ 'if-unmodified-since': EARLIER }, undefined, NOW_MS)).toBeUndefined()
  })
})
