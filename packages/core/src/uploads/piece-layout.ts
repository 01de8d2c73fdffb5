import type { Piece } from './piece-keys.ts'

/** What is read of one piece, by positions in the part. */
export interface Stretch {
  readonly piece: Piece
  readonly start: number
  readonly endExclusive: number
}

/**
 * Which piece each of the first `sizeBytes` bytes is read from: the latest of those that hold it.
 * @returns as far as there are bytes without a gap
 */
export function layOut(pieces: readonly Piece[], sizeBytes: number): readonly Stretch[] {
  const waiting = pieces.toSorted((a, b) => a.start - b.start)
  const stretches: Stretch[] = []
  let here: Piece[] = []
  let next = 0
  for (let at = 0; at < sizeBytes; ) {
    for (let piece = waiting[next]; piece !== undefined && piece.start <= at; piece = waiting[next]) {
      here.push(piece)
      next += 1
    }
    here = here.filter(({ endExclusive }) => endExclusive > at)
    const [first, ...others] = here
    if (first === undefined) break
    const piece = others.reduce((latest, other) => (other.serial > latest.serial ? other : latest), first)
    const endExclusive = Math.min(piece.endExclusive, waiting[next]?.start ?? sizeBytes, sizeBytes)
    const last = stretches.at(-1)
    if (last?.piece === piece) stretches[stretches.length - 1] = { ...last, endExclusive }
    else stretches.push({ piece, start: at, endExclusive })
    at = endExclusive
  }
  return stretches
}
