import { describe, expect, it } from 'vitest'
import { essenceOf, formatContentType, parseContentType } from './content-type.ts'

describe('parseContentType()', () => {
  it.each([
    ['image/png', 'image/png'],
    [' IMAGE/PNG ', 'image/png'],
    ['text/plain;Charset=UTF-8', 'text/plain; charset=utf-8'],
    ['text/plain; charset="utf-8"', 'text/plain; charset=utf-8'],
    ['video/mp4; codecs="avc1.42E01E, mp4a.40.2"', 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"'],
    [String.raw`a/b; c="\"\\"`, String.raw`a/b; c="\"\\"`],
    ['a/b;;  ; c=d ;', 'a/b; c=d'],
    ['application/vnd.api+json', 'application/vnd.api+json'],
  ])('reads %j as %s', (text, expected) => {
    expect(formatContentType(parseContentType(text))).toBe(expected)
    expect(essenceOf(text)).toBe(expected.split(';')[0])
  })

  it.each([
    '',
    '/',
    'a',
    'a/',
    '/b',
    'a/b/c',
    'a b/c',
    'a/b c',
    'a/b, c/d',
    'a/b; c',
    'a/b; =c',
    'a/b; c=',
    'a/b; c = d',
    'a/b; c=d; C=e',
    'a/b; c="d',
    'a/b\r\nX: y',
    'a/b; c="\r\n"',
    'a/b; c=d\0',
    'imäge/png',
    `a/${'b'.repeat(300)}`,
  ])('refuses %j', (text) => {
    expect(() => parseContentType(text)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-content-type' }),
    )
  })
})
