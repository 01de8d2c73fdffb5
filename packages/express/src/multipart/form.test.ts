import { describe, expect, it } from 'vitest'
import { boundaryOf } from './boundary.ts'
import { type Form, readForm } from './form.ts'

const read = (body: string | Buffer, chunkBytes = 17): Form => {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
  let at = 0
  return readForm(
    {
      next: async () => {
        const chunk = bytes.subarray(at, at + chunkBytes)
        at += chunkBytes
        return chunk.length === 0 ? undefined : chunk
      },
    },
    { boundary: 'B', fileField: 'file', limits: { maxFields: 3, maxFieldBytes: 100 } },
  )
}

const part = (headers: string, body = 'x'): string => `--B\r\n${headers}\r\n\r\n${body}\r\n`
const FILE = 'Content-Disposition: form-data; name="file"; filename="a.png"'
const END = '--B--\r\n'

async function readAll(form: Form): Promise<string> {
  const file = await form.file()
  let body = ''
  for await (const slice of file.body) body += Buffer.from(slice).toString('latin1')
  return body
}

const refusal = (reason: string, code = 'MEDIA_BAD_INPUT'): unknown =>
  expect.objectContaining({ code, reason })

describe('readForm', () => {
  it('knows the fields on both sides of the file once its body has ended', async () => {
    const form = read(
      `${part('Content-Disposition: form-data; name=key', 'a/b')}${part(FILE, 'bytes')}${part('Content-Disposition: form-data; name="tags"', 'é')}${END}`,
    )
    expect(await readAll(form)).toBe('bytes')
    expect(form.fields).toEqual([
      { name: 'key', value: 'a/b' },
      { name: 'tags', value: 'é' },
    ])
  })

  it('throws from the body, after all its bytes, when the form behind it is cut', async () => {
    const form = read(`${part(FILE, 'bytes')}--B\r\nContent-Dis`)
    const file = await form.file()
    let body = ''
    await expect(
      (async () => {
        for await (const slice of file.body) body += Buffer.from(slice).toString()
      })(),
    ).rejects.toEqual(refusal('incomplete-body'))
    expect(body).toBe('bytes')
  })

  it.each([
    ['quotes as browsers write them', 'filename="a%22b.png"', 'a"b.png'],
    ['quotes as RFC 9110 writes them', 'filename="a\\"b.png"', 'a"b.png'],
    ['a Windows path as it is', 'filename="C:\\new\\a.png"', 'C:\\new\\a.png'],
    ['UTF-8 bytes', 'filename="naïve 日本.png"', 'naïve 日本.png'],
    ['a token', 'filename=a.png', 'a.png'],
    ['filename* alone', "filename*=UTF-8''na%C3%AFve.png", 'naïve.png'],
    ['filename* that says the same', "filename=a.png; filename*=utf-8'en'a.png", 'a.png'],
    ['a semicolon inside quotes', 'filename="a;b=c.png"', 'a;b=c.png'],
  ])('reads a file name with %s', async (_, parameter, expected) => {
    const file = await read(part(`content-disposition: form-data; name="file"; ${parameter}`) + END).file()
    expect(file.filename).toBe(expected)
  })

  it.each([
    ['a part without Content-Disposition', part('Content-Type: text/plain'), 'missing-disposition'],
    ['a part without any header', '--B\r\n\r\nx\r\n', 'missing-disposition'],
    [
      'a part of another disposition',
      part('Content-Disposition: attachment; name="file"'),
      'missing-disposition',
    ],
    ['a part without name', part('Content-Disposition: form-data; filename="a.png"'), 'invalid-field-name'],
    ['an empty name', part('Content-Disposition: form-data; name=""'), 'invalid-field-name'],
    [
      'a name of a kilobyte',
      part(`Content-Disposition: form-data; name="${'n'.repeat(1024)}"`),
      'invalid-field-name',
    ],
    ['__proto__', part('Content-Disposition: form-data; name="__proto__"'), 'invalid-field-name'],
    [
      'a[constructor]',
      part('Content-Disposition: form-data; name="a[constructor][x]"'),
      'invalid-field-name',
    ],
    [
      'NUL in a file name',
      part('Content-Disposition: form-data; name="file"; filename="a\0.png"'),
      'invalid-filename',
    ],
    [
      'NUL in filename*',
      part("Content-Disposition: form-data; name=file; filename*=UTF-8''a%00.png"),
      'invalid-filename',
    ],
    [
      'two file names that differ',
      part("Content-Disposition: form-data; name=file; filename=a.png; filename*=UTF-8''b.php"),
      'ambiguous-filename',
    ],
    [
      'one file name twice',
      part('Content-Disposition: form-data; name=file; filename=a.png; filename=a.png'),
      'ambiguous-filename',
    ],
    [
      'filename* of another charset',
      part("Content-Disposition: form-data; name=file; filename*=latin1''a.png"),
      'malformed-multipart',
    ],
    ['an unclosed quote', part('Content-Disposition: form-data; name="file'), 'malformed-multipart'],
    ['a folded header', part('Content-Disposition: form-data;\r\n name="file"'), 'malformed-multipart'],
    ['a space before the colon', part('Content-Disposition : form-data; name="file"'), 'malformed-multipart'],
    ['two Content-Disposition', part(`${FILE}\r\n${FILE}`), 'malformed-multipart'],
    ['too many header lines', part(`${'A: b\r\n'.repeat(32)}${FILE}`), 'malformed-multipart'],
    ['a bare LF in a header', part(`${FILE}\nX: y`), 'malformed-multipart'],
    ['base64', part(`${FILE}\r\nContent-Transfer-Encoding: base64`), 'unsupported-encoding'],
    [
      'a field in UTF-16',
      part('Content-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=utf-16'),
      'unsupported-charset',
    ],
    ['two files', part(FILE) + part(FILE), 'too-many-files'],
    [
      'a file in another part',
      part('Content-Disposition: form-data; name="photo"; filename="a.png"'),
      'unexpected-file',
    ],
    [
      'a file part without file name',
      part('Content-Disposition: form-data; name="file"'),
      'missing-filename',
    ],
    ['a form without file', '', 'missing-file'],
  ])('refuses %s', async (_, parts, reason) => {
    await expect(readAll(read(parts + END))).rejects.toEqual(refusal(reason))
  })

  it('refuses a field that is not UTF-8', async () => {
    const bytes = Buffer.from(
      `${part('Content-Disposition: form-data; name=a', '\xff')}${part(FILE)}${END}`,
      'latin1',
    )
    await expect(readAll(read(bytes))).rejects.toEqual(refusal('invalid-field'))
  })

  it('refuses with 413 what is too many or too large, and with 415 a form in a form', async () => {
    const field = part('Content-Disposition: form-data; name=a')
    await expect(readAll(read(field.repeat(4) + END))).rejects.toEqual(
      refusal('too-many-parts', 'MEDIA_TOO_LARGE'),
    )
    await expect(
      readAll(read(part('Content-Disposition: form-data; name=a', 'x'.repeat(101)))),
    ).rejects.toEqual(refusal('field-too-large', 'MEDIA_TOO_LARGE'))
    await expect(readAll(read(part(`${FILE}\r\nContent-Type: multipart/mixed; boundary=C`)))).rejects.toEqual(
      refusal('nested-multipart', 'MEDIA_TYPE_REFUSED'),
    )
  })
})

describe('boundaryOf', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b c"', 'a b c'],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])('reads %s', (contentType, boundary) => expect(boundaryOf(contentType)).toBe(boundary))

  it.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['71 characters', `multipart/form-data; boundary=${'x'.repeat(71)}`],
    ['other characters', 'multipart/form-data; boundary="a@b"'],
    ['a space at the end', 'multipart/form-data; boundary="a "'],
    ['two boundaries', 'multipart/form-data; boundary=a; boundary=b'],
  ])('refuses %s', (_, contentType) => {
    expect(() => boundaryOf(contentType)).toThrow(expect.objectContaining({ reason: 'malformed-multipart' }))
  })

  it('refuses other multipart types with 415', () => {
    expect(() => boundaryOf('multipart/mixed; boundary=a')).toThrow(
      expect.objectContaining({ code: 'MEDIA_TYPE_REFUSED' }),
    )
  })
})
