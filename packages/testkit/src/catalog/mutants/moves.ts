import { MediaError, type MoveRecord } from '@mediakeep/core'
import { timeOf } from '../put.ts'
import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

const whole = (value: number, least: number): number => Math.max(least, Math.trunc(value) || 0)

/** Faults of planning and giving out moves. */
export const moveMutants: readonly CatalogMutant[] = [
  mutant('moves.rounds', 'ranks are rounded', ['moves.plan'], (inner) => {
    const rounded = (move: MoveRecord): MoveRecord => ({ ...move, rank: Number(move.rank.toPrecision(15)) })
    return withMembers(inner, {
      async listMoves(options) {
        const { moves, ...page } = await inner.listMoves(options)
        return { ...page, moves: moves.map(rounded) }
      },
    })
  }),
  mutant('moves.plans-all', 'planMoves() says that all were planned', ['moves.plan-once'], (inner) =>
    withMembers(inner, {
      async planMoves(moves) {
        await inner.planMoves(moves)
        return moves.map(({ id }) => id)
      },
    }),
  ),
  mutant('moves.no-rank', 'moves go by age alone', ['moves.order'], (inner) =>
    withMembers(inner, {
      planMoves: (moves) => inner.planMoves(moves.map((move) => ({ ...move, rank: 0 }))),
    }),
  ),
  mutant(
    'moves.any-source',
    'moves are given whose copies are out of reach',
    ['moves.reach'],
    (inner, tables) =>
      withMembers(inner, {
        async claimMoves(options) {
          const claimed = await inner.claimMoves({ ...options, volumeIds: [...tables.volumes.keys()] })
          return claimed.filter(({ toVolumeId }) => options.volumeIds.includes(toVolumeId))
        },
      }),
  ),
  mutant(
    'moves.no-lease',
    'a claim does not keep others away',
    ['moves.lease', 'moves.once'],
    (inner, tables) =>
      withMembers(inner, {
        claimMoves(options) {
          for (const move of tables.moves.values()) move.notBeforeMs = 0
          return inner.claimMoves(options)
        },
      }),
  ),
  mutant('moves.no-fence', 'any claim settles a move', ['moves.lease', 'moves.retry'], (inner, tables) =>
    withMembers(inner, {
      settleMove: (move, outcome) =>
        inner.settleMove({ ...move, fence: tables.moves.get(move.id)?.fence ?? move.fence }, outcome),
    }),
  ),
  mutant('moves.strict', 'a claim ends with its lease', ['moves.late'], (inner, tables) =>
    withMembers(inner, {
      async settleMove(move, outcome) {
        const endsAtMs = tables.moves.get(move.id)?.notBeforeMs ?? 0
        if ((await timeOf(inner)) > endsAtMs) throw new MediaError('MEDIA_LEASE_LOST', 'too late')
        return inner.settleMove(move, outcome)
      },
    }),
  ),
  mutant(
    'moves.withdraws-free',
    'a move that is claimed is not withdrawn',
    ['moves.withdraw'],
    (inner, tables) =>
      withMembers(inner, {
        withdrawMoves: (ids) => inner.withdrawMoves(ids.filter((id) => tables.moves.get(id)?.fence === 0)),
      }),
  ),
  mutant('moves.again', 'a dropped move is tried again', ['moves.settle'], (inner) =>
    withMembers(inner, {
      settleMove: (move, outcome) =>
        inner.settleMove(
          move,
          outcome.type === 'dropped' ? { type: 'retry', afterMs: 0, reason: 'dropped' } : outcome,
        ),
    }),
  ),
  mutant('moves.at-once', 'a move to be tried again does not wait', ['moves.retry'], (inner) =>
    withMembers(inner, {
      settleMove: (move, outcome) =>
        inner.settleMove(move, outcome.type === 'retry' ? { ...outcome, afterMs: 0 } : outcome),
    }),
  ),
  mutant(
    'moves.unwanted-count',
    'moves that nobody wants count for the limit',
    ['moves.unwanted'],
    (inner, tables) =>
      withMembers(inner, {
        async claimMoves(options) {
          const before = tables.moves.size
          const claimed = await inner.claimMoves(options)
          return claimed.slice(0, Math.max(0, options.limit - (before - tables.moves.size)))
        },
      }),
  ),
  mutant('moves.by-rank', 'a page of moves is in order of rank', ['moves.list'], (inner) =>
    withMembers(inner, {
      async listMoves(options) {
        const { moves, ...page } = await inner.listMoves(options)
        return { ...page, moves: [...moves].sort((one, other) => one.rank - other.rank) }
      },
    }),
  ),
  mutant('moves.mends', 'bad limits and waits are mended', ['moves.bad-input'], (inner) =>
    withMembers(inner, {
      claimMoves: ({ volumeIds, limit, leaseMs }) =>
        inner.claimMoves({ volumeIds, limit: whole(limit, 1), leaseMs: whole(leaseMs, 1) }),
    }),
  ),
]
