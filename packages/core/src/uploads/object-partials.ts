import { checkPart, partEnded, partShort } from '../bytes/partials.ts'
import { destroyOnAbort } from '../bytes/source.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore, PartialPart, Partials, StagedBody } from '../contracts/object-store.ts'
import { PARTIAL_PIECE_BYTES, SWEEP_AFTER_MS } from '../defaults.ts'
import { pagesOf } from '../pages.ts'
import { systemClock } from '../time/clock.ts'
import { nameOfPiece, PIECES_PREFIX, type Piece, pieceOf, piecesPrefix } from './piece-keys.ts'
import { layOut, type Stretch } from './piece-layout.ts'
import { createPieceStream } from './piece-stream.ts'
import { createPieceWriter } from './piece-writer.ts'

export interface ObjectPartialsOptions {
  /** Largest object that a part is kept in, and memory of an open writer. Default 8 MiB. */
  readonly pieceBytes?: number
  /** Age from which objects of names that are not kept are removed by `sweep`. Default 1 hour. */
  readonly sweepAfterMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

export interface ObjectPartials extends Partials {
  /**
   * Removes what is left of names that are not kept. `keep` answers whether a name's session still lives.
   * @returns how many objects were removed
   */
  sweep(keep: (name: string) => boolean | Promise<boolean>): Promise<number>
}

/**
 * Bodies in pieces on a store that has no staging: each part a row of objects `mk-partials/<name>/<part>/<position>-<serial>`, put, listed,
 * read and deleted like any others. What was synced is as durable as the store's objects.
 *
 * Objects cannot be changed, so bytes that come again are further objects, and of two that hold the same byte the later one counts. That
 * keeps what was synced until something later is synced in its place, also where the two begin and end at other bytes: whoever goes on
 * after a crash knows what was acknowledged, not where objects ended.
 *
 * An open writer holds one buffer of `pieceBytes`; opening and finding cost one listing each.
 */
export function objectPartials(store: ObjectStore, options: ObjectPartialsOptions = {}): ObjectPartials {
  const { sweepAfterMs = SWEEP_AFTER_MS, clock = systemClock } = options
  const pieceBytes = Math.min(options.pieceBytes ?? PARTIAL_PIECE_BYTES, store.traits.maxObjectBytes)

  async function piecesOf(prefix: string): Promise<readonly Piece[]> {
    const pieces: Piece[] = []
    for await (const { objects } of pagesOf((from) => store.list({ prefix, ...from }))) {
      for (const { key, sizeBytes } of objects) {
        const piece = pieceOf(key, sizeBytes)
        if (piece !== undefined) pieces.push(piece)
      }
    }
    return pieces
  }

  async function deleteAll(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    for (const { error } of await store.deleteMany(keys, { context: { cause: 'gc' } }))
      if (error !== undefined) throw error
  }

  async function remove(part: PartialPart): Promise<void> {
    await deleteAll((await piecesOf(piecesPrefix(store.name, part))).map(({ key }) => key))
  }

  function createBody(
    part: PartialPart,
    stretches: readonly Stretch[],
    facts: Pick<StagedBody, 'sizeBytes' | 'digest'>,
  ): StagedBody {
    const { sizeBytes } = facts
    let isDiscarded = false
    return {
      ...facts,
      open({ range = { start: 0, endExclusive: sizeBytes }, signal } = {}) {
        if (isDiscarded) throw partEnded(store.name, part)
        const short = (atByte: number) => partShort(store.name, part, atByte, sizeBytes)
        const stream = createPieceStream(store, stretches, range, short)
        if (signal !== undefined) destroyOnAbort(stream, signal)
        return stream
      },
      async discard() {
        if (isDiscarded) return
        isDiscarded = true
        await remove(part)
      },
    }
  }

  return {
    async open({ sizeBytes: _sizeBytes, ...part }) {
      const prefix = piecesPrefix(store.name, part)
      return createPieceWriter({ store, part, prefix, pieces: await piecesOf(prefix), pieceBytes })
    },
    async find({ sizeBytes, digest, ...part }) {
      checkPart(store.name, part)
      const pieces = await piecesOf(piecesPrefix(store.name, part))
      if (pieces.length === 0) return undefined
      const stretches = layOut(pieces, sizeBytes)
      const hasBytes = stretches.at(-1)?.endExclusive ?? 0
      if (hasBytes < sizeBytes) throw partShort(store.name, part, hasBytes, sizeBytes)
      return createBody(part, stretches, { sizeBytes, ...(digest === undefined ? {} : { digest }) })
    },
    delete: remove,
    async sweep(keep) {
      const kept = new Map<string, boolean>()
      const oldestMs = clock.now() - sweepAfterMs
      let removed = 0
      const pages = pagesOf((from) =>
        store.list({ prefix: PIECES_PREFIX, context: { cause: 'gc' }, ...from }),
      )
      for await (const { objects } of pages) {
        const dead: string[] = []
        for (const { key, modifiedAt } of objects) {
          const name = nameOfPiece(key)
          if (name === undefined) continue
          const isKept = kept.get(name) ?? (await keep(name))
          kept.set(name, isKept)
          if (!isKept && modifiedAt.getTime() <= oldestMs) dead.push(key)
        }
        await deleteAll(dead)
        removed += dead.length
      }
      return removed
    },
  }
}
