import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanFilename, extensionOf } from './filename.ts'

describe('cleanFilename()', () => {
  it.each([
    ['photo.jpg', 'photo.jpg'],
    ['Mein Foto (1).JPG', 'Mein Foto (1).JPG'],
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\windows\\win.ini', 'win.ini'],
    ['/etc/passwd', 'passwd'],
    ['C:\\fakepath\\a.png', 'a.png'],
    ['C:a.png', 'a.png'],
    ['\\\\server\\share\\a.png', 'a.png'],
    ['a.png::$DATA', 'a.png'],
    ['a.png:$data', 'a.png'],
    ['a.png:evil.exe', 'a.png_evil.exe'],
    ['12:30.png', '12_30.png'],
    ['a.png...', 'a.png'],
    ['a.png . .', 'a.png'],
    ['  a.png  ', 'a.png'],
    ['\u00a0a.png\u3000', 'a.png'],
    ['\u202egnp.exe', 'gnp.exe'],
    ['a\u2066b\u2069.png', 'ab.png'],
    ['\ufeffa\u200b.png', 'a.png'],
    ['a\r\nb\t\x1b[31m.png', 'ab[31m.png'],
    ['a\x85\x9f.png', 'a.png'],
    ['a\u2028b.png', 'ab.png'],
    ['\ud83d.png', '\ufffd.png'],
    ['👨‍👩‍👧.png', '👨‍👩‍👧.png'],
    ['e\u0301.png', 'é.png'],
    ['e\u200b\u0301.png', 'é.png'],
    ['say "hi" <b>.png', 'say "hi" <b>.png'],
    ['.htaccess', '.htaccess'],
    ['', 'file'],
    ['.', 'file'],
    ['..', 'file'],
    ['...', 'file'],
    ['   ', 'file'],
    ['a/', 'file'],
    ['C:', 'file'],
    ['::$DATA', 'file'],
    ['\u202e', 'file'],
    ['CON', '_CON'],
    ['con.txt', '_con.txt'],
    ['nul .tar.gz', '_nul .tar.gz'],
    ['COM1.png', '_COM1.png'],
    ['lpt¹', '_lpt¹'],
    ['CONIN$', '_CONIN$'],
    ['console.png', 'console.png'],
    ['com10.png', 'com10.png'],
    ['__proto__', '__proto__'],
    ['-rf', '-rf'],
  ])('makes %j into %j', (raw, expected) => {
    expect(cleanFilename(raw)).toBe(expected)
  })

  it('refuses NUL', () => {
    expect(() => cleanFilename('a.png\0.php')).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'nul-in-name' }),
    )
  })

  it('cuts 4 KB to 255 bytes between code points and keeps the extension', () => {
    for (const letter of ['a', 'é', '€', '😀']) {
      const name = cleanFilename(`${letter.repeat(4_096)}.jpeg`)
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
      expect(Buffer.byteLength(name)).toBeGreaterThan(251)
      expect(name.endsWith(`${letter}.jpeg`)).toBe(true)
      expect(Buffer.from(name).toString()).toBe(name)
    }
  })

  it('keeps to 255 bytes also when it marks a device name', () => {
    expect(cleanFilename(`con.${'b'.repeat(251)}`)).toBe(`_con.${'b'.repeat(250)}`)
  })

  it('does not keep an extension that is no extension', () => {
    expect(cleanFilename(`a.${'b'.repeat(4_096)}`)).toBe(`a.${'b'.repeat(253)}`)
  })

  it('promises the same of any text: short, visible, one segment, and unchanged by a second cleaning', () => {
    const piece = fc.constantFrom(
      '.',
      ' ',
      '/',
      '\\',
      ':',
      ':$DATA',
      '::$DATA',
      'C:',
      'con',
      'NUL',
      'lpt1',
      '_',
      '\u202e',
      '\u0301',
      'é',
      '\ud800',
      '\n',
      'a'.repeat(250),
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (raw) => {
        const name = cleanFilename(raw.replaceAll('\0', ''))
        expect(name).not.toBe('')
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
        expect(name).not.toMatch(/[\p{Cc}\p{Surrogate}\u2028\u2029\u202a-\u202e\u2066-\u2069/\\:]/u)
        expect(name).not.toMatch(/^\s|[\s.]$/)
        expect(name.normalize('NFC')).toBe(name)
        expect(cleanFilename(name)).toBe(name)
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('extensionOf()', () => {
  it.each([
    ['a.PNG', 'png'],
    ['a.tar.gz', 'gz'],
    ['a', ''],
    ['.profile', ''],
    ['a.', ''],
  ])('of %j is %j', (name, expected) => {
    expect(extensionOf(name)).toBe(expected)
  })
})
