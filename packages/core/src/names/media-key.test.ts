import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMediaError } from '../errors/media-error.ts'
import { parseKeyPath, parseMediaKey } from './media-key.ts'

const BAD_KEY: unknown = expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-key' })

describe('parseMediaKey()', () => {
  it.each([
    'a',
    'videos/video.mp4',
    'a b/c+d&e=f?g#h',
    '日本/写真.jpg',
    '...',
    '..a/.b',
    'a:b',
    '😀',
    'a%b',
    'CON',
    '__proto__',
    'é',
    'x'.repeat(1_024),
    '€'.repeat(341),
  ])('takes %s', (key) => {
    expect(parseMediaKey(key)).toBe(key)
  })

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    './a',
    'a/.',
    'a/../b',
    '../a',
    'a/..',
    'a\\b',
    '..\\a',
    'a\0',
    'a\nb',
    'a\r',
    '\x1b',
    'a\x7f',
    'a\x85',
    '\ud800',
    'a\udc00b',
    'a\u202eb',
    '\u2066a',
    'a/%2e%2e/b',
    'a%2Fb',
    'a%5Cb',
    'a%00',
    'x'.repeat(1_025),
    '€'.repeat(342),
    'x'.repeat(100_000),
  ])('refuses %j', (key) => {
    expect(() => parseMediaKey(key)).toThrow(BAD_KEY)
  })

  it('gives both spellings of a letter one key, and both cases two', () => {
    expect(parseMediaKey('cafe\u0301')).toBe(parseMediaKey('café'))
    expect(parseMediaKey('A')).not.toBe(parseMediaKey('a'))
  })

  it('gives keys that it takes again unchanged, and fails no other way', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', 'é', 'e\u0301', '%2e', '\0') }),
        ),
        (raw) => {
          try {
            const key = parseMediaKey(raw)
            expect(parseMediaKey(key)).toBe(key)
            expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1_024)
            expect(parseKeyPath(key.split('/').map(encodeURIComponent).join('/'))).toBe(key)
          } catch (error) {
            if (!isMediaError(error)) throw error
          }
        },
      ),
      { numRuns: 5_000 },
    )
  })
})

describe('parseKeyPath()', () => {
  it('decodes once', () => {
    expect(parseKeyPath('videos/my%20film%2B.mp4')).toBe('videos/my film+.mp4')
    expect(parseKeyPath('%E6%97%A5/%C3%A9')).toBe('日/é')
    expect(parseKeyPath('100%2525')).toBe('100%25')
    expect(parseKeyPath('a+b')).toBe('a+b')
  })

  it.each([
    'a%2Fb',
    'a%2fb',
    'a%5Cb',
    '%2e%2e/a',
    '.%2e/a',
    '%2E',
    'a/%2e/b',
    '%252e%252e/a',
    'a%252Fb',
    'a%00',
    '%c0%ae%c0%ae/a',
    '%e0%80%af',
    '%ff',
    '%',
    '%4',
    '%zz',
    'a//b',
    '',
    `${'%61'.repeat(1_025)}`,
    '%ed%a0%80',
  ])('refuses %s', (path) => {
    expect(() => parseKeyPath(path)).toThrow(BAD_KEY)
  })
})
