import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pieceKey, pieceOf } from './piece-keys.ts'
import { layOut } from './piece-layout.ts'

const piece = (start: number, endExclusive: number, serial: number) => {
  const found = pieceOf(pieceKey('mk-partials/a/0/', start, serial), endExclusive - start)
  if (found === undefined) throw new Error('not the key of a piece')
  return found
}

describe('layOut()', () => {
  it('reads every byte from the latest piece that holds it, up to the first gap', () => {
    const stretch = fc.record({ start: fc.nat(40), bytes: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 12 }), fc.nat(50), (written, sizeBytes) => {
        const pieces = written.map(({ start, bytes }, index) => piece(start, start + bytes, index + 1))
        const last: (number | undefined)[] = Array(sizeBytes)
        for (const { start, endExclusive, serial } of pieces)
          for (let at = start; at < Math.min(endExclusive, sizeBytes); at++) last[at] = serial
        const hole = last.findIndex((serial) => serial === undefined)
        const read: number[] = []
        for (const { piece, start, endExclusive } of layOut(pieces.reverse(), sizeBytes)) {
          expect(start).toBe(read.length)
          for (let at = start; at < endExclusive; at++) read.push(piece.serial)
        }
        expect(read).toEqual(last.slice(0, hole === -1 ? sizeBytes : hole))
      }),
      { seed: 41, numRuns: 2_000 },
    )
  })

  it('opens no piece twice where others end beside it', () => {
    const pieces = [piece(0, 10, 1), piece(10, 20, 2), piece(0, 30, 3), piece(5, 6, 4)]
    const read = layOut(pieces, 25).map(({ piece: { serial }, start, endExclusive }) => [
      serial,
      start,
      endExclusive,
    ])
    expect(read).toEqual([
      [3, 0, 5],
      [4, 5, 6],
      [3, 6, 25],
    ])
  })
})
