import { expect, test } from 'vitest'
import { decodeMetadata, encodeMetadata, WRITE_MARK } from './metadata.ts'

test('metadata come back as they were given, and travel as plain text where they can', () => {
  const given = {
    plain: 'two words',
    spaces: 'two  words',
    edges: ' x ',
    empty: '',
    unicode: 'caf\u00e9 \u{1f4f7}',
    control: 'a\r\nb',
    word: '=?UTF-8?B?eA==?=',
  }
  const sent = encodeMetadata('s3', given)
  expect(sent['plain']).toBe('two words')
  for (const value of Object.values(sent)) expect(value).toMatch(/^[\x20-\x7e]*$/)
  expect(decodeMetadata(sent)).toEqual(given)
})

test('the mark of a write is never shown, and no caller can set it', () => {
  expect(decodeMetadata({ [WRITE_MARK]: 'x', a: '1' })).toEqual({ a: '1' })
  expect(() => encodeMetadata('s3', { [WRITE_MARK]: 'x' })).toThrow(/no name/)
  expect(() => encodeMetadata('s3', { 'a b': 'x' })).toThrow(/no name/)
  expect(() => encodeMetadata('s3', { Upper: 'x' })).toThrow(/no name/)
})
