import assert from 'node:assert/strict'
import { type Catalog, type MoveRecord, type NewMove, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, putOne, startCopy, walk } from '../copies.ts'
import { plain, recordOf, refuses } from '../expect.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, LONG_TTL_MS, SHORT_TTL_MS } from '../put.ts'

const BOTH = [DISK, COLD]

const moveOf = (blobId: string, given: Partial<NewMove> = {}): NewMove => ({
  id: newId(),
  blobId,
  toVolumeId: COLD,
  cause: 'demote',
  rank: 0,
  ...given,
})

/** A move of bytes that nobody else has. */
async function planOne(catalog: Catalog, given: Partial<NewMove> = {}): Promise<NewMove> {
  const move = moveOf((await putOne(catalog)).blobId, given)
  assert.deepEqual([...(await catalog.planMoves([move]))], [move.id])
  return move
}

const claim = (
  catalog: Catalog,
  given: Partial<Parameters<Catalog['claimMoves']>[0]> = {},
): Promise<readonly MoveRecord[]> =>
  catalog.claimMoves({ volumeIds: BOTH, limit: 100, leaseMs: LONG_TTL_MS, ...given })

/** One that must be given out. */
async function claimOne(catalog: Catalog, leaseMs = LONG_TTL_MS): Promise<MoveRecord> {
  const [move, ...rest] = await claim(catalog, { leaseMs })
  assert.ok(move !== undefined && rest.length === 0, 'one move is due')
  return move
}

const idsOf = (moves: readonly { readonly id: string }[]): string[] => moves.map(({ id }) => id)

function allMoves(catalog: Catalog, limit = 100): Promise<readonly MoveRecord[]> {
  return walk(async (cursor) => {
    const { moves, ...page } = await catalog.listMoves({ limit, ...cursor })
    return { ...page, items: moves }
  }, limit)
}

/** Copies that are to be made elsewhere. */
export const moveCases: readonly CatalogCase[] = [
  {
    id: 'moves.plan',
    claim: 'a planned move says what is to be done, with the copies there are',
    async check({ catalog }) {
      const one = await putOne(catalog)
      const move = moveOf(one.blobId, {
        toVolumeId: DISK,
        dropPlacementId: one.placementId,
        cause: 'burst',
        rank: 0.1 + 0.2,
      })
      assert.deepEqual([...(await catalog.planMoves([move]))], [move.id])
      const [found, ...rest] = await allMoves(catalog)
      assert.equal(rest.length, 0)
      const { content } = await recordOf(catalog, ALPHA, one.id)
      const { notBefore, ...shown } = found ?? assert.fail('it is not listed')
      assert.ok(notBefore instanceof Date)
      assert.deepEqual(plain(shown), {
        ...move,
        sizeBytes: content.sizeBytes,
        placements: plain(content.placements),
        fence: 0,
        attempts: 0,
      })
      const claimed = await claimOne(catalog)
      assert.deepEqual(
        plain({ ...claimed, notBefore: 0 }),
        plain({ ...found, notBefore: 0, fence: claimed.fence }),
      )
      const plainMove = await planOne(catalog)
      assert.equal('dropPlacementId' in ((await claimOne(catalog)) ?? {}), false, plainMove.id)
    },
  },
  {
    id: 'moves.plan-once',
    claim:
      'planMoves() leaves out what is planned already, by id or by blob and volume, and blobs that are gone',
    async check({ catalog, advance }) {
      const move = await planOne(catalog, { rank: 5 })
      const gone = await putOne(catalog)
      await catalog.delete(ALPHA, gone.id)
      await collectAll(catalog, advance)
      const other = moveOf(move.blobId, { toVolumeId: DISK })
      const planned = await catalog.planMoves([
        move,
        moveOf(move.blobId, { rank: 1 }),
        moveOf(gone.blobId),
        { ...moveOf((await putOne(catalog)).blobId), id: move.id },
        other,
        moveOf(move.blobId, { toVolumeId: DISK }),
      ])
      assert.deepEqual([...planned], [other.id])
      const [first, second, ...rest] = await allMoves(catalog)
      assert.deepEqual([first?.id, first?.rank, second?.id, rest.length], [move.id, 5, other.id, 0])
    },
  },
  {
    id: 'moves.order',
    claim: 'claimMoves() gives moves by rank, equal ones in the order they were planned, up to the limit',
    async check({ catalog }) {
      const moves: NewMove[] = []
      for (const rank of [2, 1, 2, 1, -3.5]) moves.push(await planOne(catalog, { rank }))
      const expected = [4, 1, 3, 0, 2].map((at) => moves[at]?.id)
      assert.deepEqual(idsOf(await claim(catalog, { limit: 2 })), expected.slice(0, 2))
      assert.deepEqual(idsOf(await claim(catalog)), expected.slice(2))
    },
  },
  {
    id: 'moves.reach',
    claim:
      'claimMoves() gives only moves between volumes within reach; others wait and stand in nobody’s way',
    async check({ catalog }) {
      const away = await planOne(catalog)
      const here = await planOne(catalog, { toVolumeId: DISK })
      assert.deepEqual(idsOf(await claim(catalog, { volumeIds: [COLD] })), [], 'its copy is elsewhere')
      assert.deepEqual(idsOf(await claim(catalog, { volumeIds: [DISK], limit: 1 })), [here.id])
      assert.deepEqual(idsOf(await claim(catalog, { volumeIds: [] })), [])
      assert.deepEqual(idsOf(await claim(catalog)), [away.id])
      const copied = await planOne(catalog)
      await endCopy(catalog, await startCopy(catalog, copied.blobId))
      const [found] = await claim(catalog, { volumeIds: [COLD] })
      assert.equal(found?.id, copied.id, 'the copy is there already')
      assert.equal(found.placements.length, 2)
      const bad = await putOne(catalog)
      await catalog.planMoves([moveOf(bad.blobId)])
      await catalog.markBad(bad.placementId)
      assert.deepEqual(idsOf(await claim(catalog)), [], 'a bad copy is no source')
    },
  },
  {
    id: 'moves.lease',
    claim:
      'a claimed move is nobody else’s until its lease ends; then it is given out again and the first claim is void',
    async check({ catalog, advance }) {
      const { id } = await planOne(catalog)
      const first = await claimOne(catalog)
      assert.deepEqual(await claim(catalog), [])
      await catalog.settleMove(first, { type: 'retry', afterMs: 0, reason: 'again' })
      const short = await claimOne(catalog, 1)
      await advance(SHORT_TTL_MS)
      const second = await claimOne(catalog)
      assert.equal(second.id, id)
      assert.ok(first.fence < short.fence && short.fence < second.fence)
      assert.equal(second.attempts, 1, 'a lease that ran out is no retry')
      await refuses('MEDIA_LEASE_LOST', catalog.settleMove(short, { type: 'done' }), 'given out again')
      await catalog.settleMove(second, { type: 'done' })
      assert.deepEqual(await allMoves(catalog), [])
    },
  },
  {
    id: 'moves.late',
    claim: 'a claim whose lease has run out can still be settled while nobody else has the move',
    async check({ catalog, advance }) {
      await planOne(catalog)
      const late = await claimOne(catalog, 1)
      await advance(SHORT_TTL_MS)
      await catalog.settleMove(late, { type: 'done' })
      assert.deepEqual(await allMoves(catalog), [])
    },
  },
  {
    id: 'moves.settle',
    claim: 'a move that is done or dropped is gone and can be planned anew; a claim is settled once',
    async check({ catalog }) {
      const move = await planOne(catalog)
      for (const type of ['done', 'dropped'] as const) {
        const claimed = await claimOne(catalog)
        await catalog.settleMove(claimed, { type })
        assert.deepEqual(await allMoves(catalog), [], type)
        await refuses('MEDIA_LEASE_LOST', catalog.settleMove(claimed, { type }), `${type} twice`)
        assert.deepEqual([...(await catalog.planMoves([move]))], [move.id], type)
      }
    },
  },
  {
    id: 'moves.retry',
    claim: 'a move to be tried again is given out after the wait, and tells how often and why',
    async check({ catalog, advance }) {
      await planOne(catalog)
      const first = await claimOne(catalog)
      await catalog.settleMove(first, { type: 'retry', afterMs: LONG_TTL_MS, reason: 'no space' })
      const again = catalog.settleMove(first, { type: 'retry', afterMs: 0, reason: 'twice' })
      await refuses('MEDIA_LEASE_LOST', again, 'settled before')
      assert.deepEqual(await claim(catalog), [], 'it waits')
      const [listed] = await allMoves(catalog)
      assert.deepEqual([listed?.attempts, listed?.lastError], [1, 'no space'])
      await planOne(catalog)
      const second = await claimOne(catalog)
      await catalog.settleMove(second, { type: 'retry', afterMs: 1, reason: 'soon' })
      await advance(SHORT_TTL_MS)
      const third = await claimOne(catalog)
      assert.deepEqual([third.id, third.attempts, third.lastError], [second.id, 1, 'soon'])
    },
  },
  {
    id: 'moves.unwanted',
    claim: 'a claim deletes moves of bytes that are gone or that no content needs, and gives the next ones',
    async check({ catalog, advance }) {
      const gone = await putOne(catalog)
      const loose = await putOne(catalog)
      await catalog.planMoves([moveOf(gone.blobId), moveOf(loose.blobId)])
      const wanted = await planOne(catalog, { rank: 1 })
      await catalog.delete(ALPHA, gone.id)
      await collectAll(catalog, advance)
      await catalog.delete(ALPHA, loose.id)
      assert.deepEqual(idsOf(await claim(catalog, { limit: 1 })), [wanted.id])
      assert.deepEqual(idsOf(await allMoves(catalog)), [wanted.id])
    },
  },
  {
    id: 'moves.list',
    claim: 'a walk through moves gives each once while others come and go',
    async check({ catalog }) {
      const moves = []
      for (let n = 0; n < 7; n++) moves.push(await planOne(catalog, { rank: -n }))
      assert.deepEqual(idsOf(await allMoves(catalog, 3)), idsOf(moves))
      const first = await catalog.listMoves({ limit: 3 })
      const [done] = await claim(catalog, { limit: 1 })
      assert.ok(done !== undefined)
      await catalog.settleMove(done, { type: 'done' })
      const late = await planOne(catalog)
      const rest = await catalog.listMoves({ limit: 100, cursor: first.cursor ?? '' })
      const seen = [...idsOf(first.moves), ...idsOf(rest.moves)]
      assert.deepEqual(seen, [...idsOf(moves).slice(0, 6), late.id])
      await refuses('MEDIA_BAD_INPUT', catalog.listMoves({ limit: 3, cursor: 'none' }), 'no cursor')
    },
  },
  {
    id: 'moves.withdraw',
    claim:
      'withdrawMoves() takes these moves back and no others, claimed ones too, whose claims are void; they may be planned again',
    async check({ catalog }) {
      const claimedMove = await planOne(catalog, { rank: -1 })
      const planned = await planOne(catalog)
      const waiting = await planOne(catalog, { rank: -2 })
      const kept = await planOne(catalog)
      const [late, claimed] = await claim(catalog, { limit: 2 })
      assert.ok(late?.id === waiting.id && claimed?.id === claimedMove.id)
      await catalog.settleMove(late, { type: 'retry', afterMs: LONG_TTL_MS, reason: 'down' })
      const ids = idsOf([claimedMove, planned, waiting])
      const withdrawn = await catalog.withdrawMoves([...ids, newId(), planned.id])
      assert.deepEqual([...withdrawn].sort(), [...ids].sort())
      assert.deepEqual(idsOf(await allMoves(catalog)), [kept.id])
      assert.deepEqual([...(await catalog.withdrawMoves(ids))], [], 'a second time')
      assert.deepEqual([...(await catalog.withdrawMoves([]))], [], 'none')
      await refuses('MEDIA_LEASE_LOST', catalog.settleMove(claimed, { type: 'done' }), 'its claim')
      assert.deepEqual(idsOf(await claim(catalog)), [kept.id])
      const again = moveOf(planned.blobId)
      assert.deepEqual([...(await catalog.planMoves([again]))], [again.id])
    },
  },
  {
    id: 'moves.once',
    claim: 'of claims by two hosts at once each move is given to one',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      for (let n = 0; n < 12; n++) await planOne(catalog)
      const claims = await Promise.all(
        Array.from({ length: 12 }, (_, n) => claim(n % 2 === 0 ? catalog : other, { limit: 2 })),
      )
      const given = claims.flatMap(idsOf)
      assert.equal(given.length, 12)
      assert.equal(new Set(given).size, 12)
    },
  },
  {
    id: 'moves.bad-input',
    claim: 'limits, leases, waits and ranks that are no amounts are refused, and change nothing',
    async check({ catalog }) {
      const { blobId } = await planOne(catalog)
      for (const bad of [0, -1, 1.5, Number.NaN]) {
        await refuses('MEDIA_BAD_INPUT', claim(catalog, { limit: bad }), `limit ${bad}`)
        await refuses('MEDIA_BAD_INPUT', claim(catalog, { leaseMs: bad }), `leaseMs ${bad}`)
      }
      const rank = Number.POSITIVE_INFINITY
      const plan = catalog.planMoves([moveOf(blobId, { toVolumeId: DISK }), moveOf(blobId, { rank })])
      await refuses('MEDIA_BAD_INPUT', plan, 'rank')
      const claimed = await claimOne(catalog)
      const settle = catalog.settleMove(claimed, { type: 'retry', afterMs: -1, reason: '' })
      await refuses('MEDIA_BAD_INPUT', settle, 'afterMs')
      await catalog.settleMove(claimed, { type: 'done' })
      assert.deepEqual(await allMoves(catalog), [])
    },
  },
]
