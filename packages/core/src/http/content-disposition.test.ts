import { parse } from 'content-disposition'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanFilename } from '../names/filename.ts'
import { formatDisposition } from './content-disposition.ts'
import { parseUploadName } from './upload-name.ts'

describe('formatDisposition()', () => {
  it.each([
    ['photo.jpg', 'attachment; filename="photo.jpg"'],
    ['two words.txt', 'attachment; filename="two words.txt"'],
    ['naïve.png', `attachment; filename="na_ve.png"; filename*=UTF-8''na%C3%AFve.png`],
    ['say "hi".png', `attachment; filename="say _hi_.png"; filename*=UTF-8''say%20%22hi%22.png`],
    ['100%41.png', `attachment; filename="100_41.png"; filename*=UTF-8''100%2541.png`],
    ["it's (1)*.png", `attachment; filename="it's (1)*.png"`],
    ['€ (1)*.png', `attachment; filename="_ (1)*.png"; filename*=UTF-8''%E2%82%AC%20%281%29%2A.png`],
    ['😀.png', `attachment; filename="_.png"; filename*=UTF-8''%F0%9F%98%80.png`],
    ['\u202egnp.exe', 'attachment; filename="gnp.exe"'],
    ['a\r\nSet-Cookie: b=c.png', 'attachment; filename="aSet-Cookie_ b=c.png"'],
    ['\ud800.png', `attachment; filename="_.png"; filename*=UTF-8''%EF%BF%BD.png`],
    ['a\0.png', 'attachment; filename="a.png"'],
    ['', 'attachment; filename=""'],
  ])('writes %j as %s', (filename, expected) => {
    expect(formatDisposition('attachment', filename)).toBe(expected)
  })

  it('keeps a name of 4 KB short', () => {
    expect(formatDisposition('inline', `${'é'.repeat(4096)}.png`).length).toBeLessThan(1_200)
  })

  it('says any cleaned name so that another reader and our own read the same name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (raw) => {
        const name = cleanFilename(raw.replaceAll('\0', ''))
        const value = formatDisposition('attachment', name)
        expect(value).toMatch(/^[\x20-\x7e]*$/)
        expect(parse(value).parameters['filename']).toBe(name)
        expect(parseUploadName(value)).toBe(name)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('parseUploadName()', () => {
  it.each([
    [undefined, undefined],
    ['attachment', undefined],
    ['form-data; name="file"', undefined],
    ['attachment; filename=a.png', 'a.png'],
    ['ATTACHMENT; FileName="a b.png";', 'a b.png'],
    [String.raw`attachment; filename="a\"b\\c.png"`, String.raw`a"b\c.png`],
    [`attachment; filename*=UTF-8''na%C3%AFve.png`, 'naïve.png'],
    [`attachment; filename*=iso-8859-1'en'%A3.png`, '£.png'],
    [`attachment; filename="na?ve.png"; filename*=UTF-8''na%C3%AFve.png`, 'naïve.png'],
    [`attachment; filename="a.png"; filename*=UTF-8''a.png`, 'a.png'],
    ['attachment; filename="na\u00c3\u00afve.png"', 'naïve.png'],
    ['attachment; filename=na\u00c3\u00afve-\u00c3\u009f.png', 'naïve-ß.png'],
    ['attachment; filename="na\u00efve.png"', 'naïve.png'],
  ])('reads %j as %j', (header, expected) => {
    expect(parseUploadName(header)).toBe(expected)
  })

  it.each([
    ['ambiguous-filename', `attachment; filename="a.png"; filename*=UTF-8''b.php`],
    ['ambiguous-filename', `attachment; filename="?.png"; filename*=UTF-8''a.png`],
    ['ambiguous-filename', `attachment; filename="a.png"; filename*=UTF-8''a.png.exe`],
    ['ambiguous-filename', 'attachment; filename="a.png"; filename="b.png"'],
    ['ambiguous-filename', 'attachment; filename="a.png"; FILENAME="a.png"'],
    ['ambiguous-filename', `attachment; filename*=UTF-8''a; filename*=UTF-8''a`],
    ['nul-in-name', 'attachment; filename="a\0.png"'],
    ['nul-in-name', `attachment; filename*=UTF-8''a%00.png`],
    ['bad-disposition', ''],
    ['bad-disposition', '; filename=a'],
    ['bad-disposition', 'attachment; filename'],
    ['bad-disposition', 'attachment; filename='],
    ['bad-disposition', 'attachment; filename="a'],
    ['bad-disposition', 'attachment; filename="a" b'],
    ['bad-disposition', 'attachment; filename=a b'],
    ['bad-disposition', 'attachment; filename="a\r\nb"'],
    ['bad-disposition', `attachment; filename*=UTF-16''a`],
    ['bad-disposition', `attachment; filename*=UTF-8''%C0%AE`],
    ['bad-disposition', `attachment; filename*=UTF-8''%4`],
    ['bad-disposition', 'attachment; filename*=a'],
    ['bad-disposition', `attachment; filename="${'a'.repeat(9_000)}"`],
  ])('refuses as %s: %j', (reason, header) => {
    expect(() => parseUploadName(header)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason }),
    )
  })
})
