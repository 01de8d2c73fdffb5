import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMultipartParser } from './parser.ts'

const BOUNDARY = '----WebKitFormBoundaryA1b2'

interface Seen {
  head: string
  body: string
}

function parse(body: Buffer, sizes: readonly number[], boundary: string = BOUNDARY): Seen[] {
  const parts: Seen[] = []
  const parser = createMultipartParser(
    { boundary, maxHeadBytes: 1024, maxStrayBytes: 256 },
    {
      head: (block) => void parts.push({ head: block.toString('latin1'), body: '' }),
      data(bytes) {
        const last = parts.at(-1)
        if (last !== undefined) last.body += bytes.toString('latin1')
      },
      partEnd() {},
    },
  )
  let at = 0
  for (let turn = 0; at < body.length; turn++) {
    const size = Math.max(1, sizes.length === 0 ? body.length : (sizes[turn % sizes.length] ?? 1))
    parser.write(body.subarray(at, at + size))
    at += size
  }
  parser.end()
  return parts
}

const form = (parts: readonly Seen[], boundary = BOUNDARY): Buffer =>
  Buffer.from(
    `${parts.map(({ head, body }) => `--${boundary}\r\n${head}\r\n\r\n${body}\r\n`).join('')}--${boundary}--\r\n`,
    'latin1',
  )

describe('createMultipartParser', () => {
  it('gives every part whole for every size of chunk', () => {
    const parts = [
      { head: 'A: 1', body: '' },
      { head: 'B: 2', body: `\r\n--${BOUNDARY.slice(0, -1)}\r\n\r\r\n-` },
      { head: 'C: 3', body: 'x'.repeat(200) },
    ]
    const bytes = form(parts)
    for (let size = 1; size <= bytes.length; size++) expect(parse(bytes, [size])).toEqual(parts)
  })

  it('gives bodies full of partial delimiters byte for byte under random chunking', () => {
    const piece = fc.oneof(
      fc
        .integer({ min: 0, max: BOUNDARY.length + 4 })
        .map((length) => `\r\n--${BOUNDARY}`.slice(0, Math.min(length, BOUNDARY.length + 3))),
      fc.constantFrom('\r', '\n', '\r\n', '-', '--', '\r\n--', '\r\r\n', 'text\r\n'),
      fc.string({ maxLength: 8 }).map((value) => Buffer.from(value).toString('latin1')),
    )
    const body = fc
      .array(piece, { maxLength: 20 })
      .map((pieces) => pieces.join(''))
      .filter((value) => !`\r\n${value}\r\n`.includes(`\r\n--${BOUNDARY}`))
    fc.assert(
      fc.property(
        fc.array(body, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
        (bodies, sizes) => {
          const parts = bodies.map((value, index) => ({ head: `P: ${index}`, body: value }))
          expect(parse(form(parts), sizes)).toEqual(parts)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('takes a preamble, padding after the delimiter and an epilogue within their limit', () => {
    const bytes = Buffer.from(`before\r\n--${BOUNDARY} \t\r\nA: 1\r\n\r\nx\r\n--${BOUNDARY}--after`)
    expect(parse(bytes, [3])).toEqual([{ head: 'A: 1', body: 'x' }])
  })

  it('refuses more stray bytes than the limit', () => {
    expect(() =>
      parse(Buffer.concat([form([{ head: 'A: 1', body: 'x' }]), Buffer.alloc(300)]), [50]),
    ).toThrow(expect.objectContaining({ reason: 'malformed-multipart' }))
    expect(() => parse(Buffer.alloc(300, 'p'), [50])).toThrow(
      expect.objectContaining({ reason: 'malformed-multipart' }),
    )
  })

  it('gives an empty head for a part without header lines', () => {
    for (const sizes of [[1], []]) {
      expect(parse(Buffer.from(`--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--`), sizes)).toEqual([
        { head: '', body: 'x' },
      ])
    }
  })

  it('refuses a form that ends before its closing delimiter, wherever it is cut', () => {
    const bytes = form([{ head: 'A: 1', body: 'xyz' }])
    for (let end = 0; end < bytes.length - 2; end++) {
      expect(() => parse(bytes.subarray(0, end), [7])).toThrow(
        expect.objectContaining({ reason: 'incomplete-body' }),
      )
    }
  })

  it.each([
    ['a delimiter followed by other bytes', `--${BOUNDARY}x\r\nA: 1\r\n\r\n`],
    ['a delimiter that ends in LF', `--${BOUNDARY}\nA: 1\n\nx\n--${BOUNDARY}--`],
    ['a delimiter with one dash', `--${BOUNDARY}-x`],
    ['a delimiter with CR alone', `--${BOUNDARY}\rA`],
    ['a head over its limit', `--${BOUNDARY}\r\nA: ${'x'.repeat(1100)}\r\n\r\n`],
    ['a head over its limit that never ends', `--${BOUNDARY}\r\nA: ${'x'.repeat(1100)}`],
  ])('refuses %s', (_, body) => {
    for (const sizes of [[], [1], [11]]) {
      expect(() => parse(Buffer.from(body), sizes)).toThrow(
        expect.objectContaining({ reason: 'malformed-multipart' }),
      )
    }
  })
})
