import { isMediaError } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { createLayout } from './layout.ts'

const isRefused = (run: () => unknown): boolean => {
  try {
    run()
    return false
  } catch (error) {
    return isMediaError(error, 'MEDIA_BAD_INPUT')
  }
}

describe('createLayout()', () => {
  test('keeps objects apart from the marker, which no key can name', () => {
    const layout = createLayout('s3', 'media', false)
    expect(layout.marker).toBe('media/mediakeep-volume.json')
    expect(layout.nameOf('mediakeep-volume.json')).toBe('media/objects/mediakeep-volume.json')
    expect(layout.keyOf(layout.nameOf('a/b'))).toBe('a/b')
  })

  test('names objects of a bucket that is not ours by their own keys, and has no marker', () => {
    const layout = createLayout('s3', '', true)
    expect(layout.marker).toBeUndefined()
    expect(layout.nameOf('a/b')).toBe('a/b')
  })

  test('takes names up to 1,024 bytes, the prefix included', () => {
    const layout = createLayout('s3', 'media/', false)
    expect(Buffer.byteLength(layout.nameOf('k'.repeat(layout.maxKeyBytes)))).toBe(1024)
    expect(isRefused(() => layout.nameOf('k'.repeat(layout.maxKeyBytes + 1)))).toBe(true)
  })

  test('refuses keys and prefixes by which a request would reach another object', () => {
    const layout = createLayout('s3', '', false)
    for (const key of ['.', '..', '../x', 'a/../b', 'a/.', './a', 'a/./b', ''])
      expect(
        isRefused(() => layout.nameOf(key)),
        key,
      ).toBe(true)
    for (const key of ['...', 'a..b', '.a', 'a.', 'a/..b/c', '/a', 'a//b', 'a/'])
      expect(
        isRefused(() => layout.nameOf(key)),
        key,
      ).toBe(false)
    for (const prefix of ['../', '/a', 'a//b', 'a/./b', 'k'.repeat(1000)])
      expect(
        isRefused(() => createLayout('s3', prefix, false)),
        prefix,
      ).toBe(true)
  })
})
