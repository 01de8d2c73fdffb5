import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMessageReader, framed } from './framing.ts'

const message = Buffer.from('a question')

function read(chunks: readonly Buffer[], maxBytes = 100): unknown {
  const reader = createMessageReader(maxBytes)
  for (const chunk of chunks) {
    const fault = reader.take(chunk)
    if (fault !== undefined) return fault.status
  }
  const read = reader.finish()
  return 'status' in read ? read.status : read
}

describe('a framed message', () => {
  it('is read in pieces of any size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat(12)), (bytes, cuts) => {
        const frame = framed(Buffer.from(bytes))
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of cuts) {
          chunks.push(frame.subarray(at, at + cut))
          at = Math.min(frame.length, at + cut)
        }
        chunks.push(frame.subarray(at))
        expect(read(chunks)).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('may be as long as the limit, and is refused by its length alone', () => {
    expect(read([framed(Buffer.alloc(100))])).toEqual(Buffer.alloc(100))
    expect(read([framed(Buffer.alloc(101)).subarray(0, 5)])).toBe(8)
    expect(read([Buffer.of(0, 0xff, 0xff, 0xff, 0xff)])).toBe(8)
  })

  it.each([
    ['nothing', []],
    ['half a prefix', [Buffer.of(0, 0, 0)]],
    ['less than it says', [framed(message).subarray(0, 9)]],
    ['more than it says', [Buffer.concat([framed(message), Buffer.of(0)])]],
    ['two of them', [framed(message), framed(message)]],
    ['a flag of compression', [Buffer.concat([Buffer.of(1), framed(message).subarray(1)])]],
    ['a flag that nobody knows', [Buffer.concat([Buffer.of(2), framed(message).subarray(1)])]],
  ])('is none where there is %s', (_what, chunks) => {
    expect(read(chunks)).toBe(13)
  })
})
