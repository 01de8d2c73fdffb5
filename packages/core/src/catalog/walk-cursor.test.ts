import { expect, test } from 'vitest'
import { decodeWalkCursor, encodeWalkCursor } from './walk-cursor.ts'

test('a cursor gives back the row it was made of, whatever its names hold', () => {
  for (const row of [
    ['a', 'b'],
    ['', '\u0000'],
    ['n/"ä"\n', '😀'],
  ])
    expect(decodeWalkCursor('copies', 2, encodeWalkCursor('copies', ...row))).toEqual(row)
  expect(decodeWalkCursor('copies', 2, undefined)).toBeUndefined()
})

test('a cursor of another walk, or garbage, is MEDIA_BAD_INPUT', () => {
  const foreign = [
    encodeWalkCursor('blobs', 'a', 'b'),
    encodeWalkCursor('copies', 'a'),
    '',
    'no cursor',
    Buffer.from('["copies",1,2]').toString('base64url'),
    Buffer.from('{}').toString('base64url'),
    'AAAA',
  ]
  for (const cursor of foreign)
    expect(() => decodeWalkCursor('copies', 2, cursor), cursor).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-cursor' }),
    )
})
