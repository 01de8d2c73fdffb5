import { checkPosition, partEnded } from '../bytes/partials.ts'
import { bytesSource } from '../bytes/source.ts'
import type { ObjectStore, PartialPart, PartialWriter } from '../contracts/object-store.ts'
import { type Piece, pieceKey } from './piece-keys.ts'

const FIRST_BUFFER_BYTES = 64 * 1024

export interface PieceWriterOptions {
  readonly store: ObjectStore
  readonly part: PartialPart
  /** What keys of the part begin with. */
  readonly prefix: string
  /** What is there already. */
  readonly pieces: readonly Piece[]
  readonly pieceBytes: number
}

/**
 * Gathers bytes that follow each other in one buffer, and puts it as an object when it is full, when other bytes come, and on `sync`.
 * Writes take turns. A put that fails loses nothing: the buffer stays, and the next write or `sync` tries again.
 */
export function createPieceWriter({
  store,
  part,
  prefix,
  pieceBytes,
  ...there
}: PieceWriterOptions): PartialWriter {
  let pieces = there.pieces
  let nextSerial = pieces.reduce((highest, { serial }) => Math.max(highest, serial), 0) + 1
  let furthest = pieces.reduce((end, { endExclusive }) => Math.max(end, endExclusive), 0)
  let buffer: Buffer = Buffer.alloc(0)
  let filled = 0
  let start = 0
  let last: Promise<void> = Promise.resolve()
  let isClosed = false

  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  function makeRoom(wantedBytes: number): void {
    const needed = Math.min(filled + wantedBytes, pieceBytes)
    if (needed <= buffer.byteLength) return
    const grown = Buffer.allocUnsafeSlow(
      Math.min(Math.max(needed, 2 * buffer.byteLength, FIRST_BUFFER_BYTES), pieceBytes),
    )
    grown.set(buffer.subarray(0, filled))
    buffer = grown
  }

  async function flush(): Promise<void> {
    const serial = nextSerial
    const piece: Piece = { key: pieceKey(prefix, start, serial), start, endExclusive: start + filled, serial }
    await store.put(piece.key, bytesSource(buffer.subarray(0, filled)))
    nextSerial = serial + 1
    filled = 0
    // Most bodies only grow: then there is nothing to look for.
    const covered = start < furthest || furthest === 0 ? pieces.filter((old) => isCovered(old, piece)) : []
    pieces = [...(covered.length === 0 ? pieces : pieces.filter((old) => !covered.includes(old))), piece]
    furthest = Math.max(furthest, piece.endExclusive)
    // What nobody reads any more: should it stay, only room is lost.
    if (covered.length > 0) await store.deleteMany(covered.map(({ key }) => key)).catch(() => {})
  }

  async function take(chunk: Uint8Array, position: number): Promise<void> {
    for (let taken = 0; taken < chunk.byteLength; ) {
      const at = position + taken
      if (filled === pieceBytes || (filled > 0 && at !== start + filled)) await flush()
      if (filled === 0) start = at
      makeRoom(chunk.byteLength - taken)
      const piece = chunk.subarray(taken, taken + buffer.byteLength - filled)
      buffer.set(piece, filled)
      filled += piece.byteLength
      taken += piece.byteLength
    }
    if (filled === pieceBytes) await flush()
  }

  return {
    async write(chunk, position) {
      if (isClosed) throw partEnded(store.name, part)
      checkPosition(store.name, position)
      await inTurn(() => take(chunk, position))
    },
    async sync() {
      if (isClosed) throw partEnded(store.name, part)
      await inTurn(async () => {
        if (filled > 0) await flush()
        // A part of no bytes is there all the same.
        else if (pieces.length === 0) {
          start = 0
          await flush()
        }
      })
    },
    async close() {
      isClosed = true
      await last
      buffer = Buffer.alloc(0)
    },
  }
}

function isCovered(old: Piece, by: Piece): boolean {
  return old.start >= by.start && old.endExclusive <= by.endExclusive
}
