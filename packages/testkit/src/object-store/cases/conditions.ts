import assert from 'node:assert/strict'
import { bytesSource, isMediaError, type WriteCondition } from '@mediakeep/core'
import { gatedSource, unhurriedSource } from '../../bodies.ts'
import { seededBytes } from '../../random.ts'
import type { ObjectStoreCase } from '../context.ts'
import { holds, isAbsent, putBytes, readAll, rejectsWith } from '../expect.ts'

const absent: WriteCondition = { type: 'absent' }
const matching = (etag: string): WriteCondition => ({ type: 'match', etag })
const text = (value: string) => bytesSource(Buffer.from(value))

/** RFC 9110 sections 13.1.1 and 13.1.2 as conditions of `put`. */
export const conditionCases: readonly ObjectStoreCase[] = [
  {
    id: 'when.absent.free',
    claim: 'put() when absent succeeds on a free key, and again after a delete',
    async check({ store }) {
      await store.put('kit/when', text('first'), { when: absent })
      await store.delete('kit/when')
      await store.put('kit/when', text('second'), { when: absent })
      await holds(store, 'kit/when', 'second', 'get()')
    },
  },
  {
    id: 'when.absent.taken',
    claim: 'put() when absent is refused on a taken key, whose object stays as it is',
    needs: ['conditional-put'],
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/when', 'first')
      await rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/when', text('second'), { when: absent }),
        'put()',
      )
      await holds(store, 'kit/when', 'first', 'after the refusal')
      assert.equal((await store.head('kit/when'))?.etag, etag)
    },
  },
  {
    id: 'when.absent.empty-object',
    claim: 'put() when absent is refused also where the object is empty',
    needs: ['conditional-put'],
    async check({ store }) {
      await putBytes(store, 'kit/when', '')
      await rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/when', text('second'), { when: absent }),
        'put()',
      )
      await holds(store, 'kit/when', '', 'after the refusal')
    },
  },
  {
    id: 'when.absent.race',
    claim: 'put() when absent by 32 at once has exactly one winner, whose bytes are stored',
    needs: ['conditional-put'],
    async check({ store }) {
      const bodies = Array.from({ length: 32 }, (_, index) => new Uint8Array(20_000 + index).fill(index + 1))
      const outcomes = await Promise.allSettled(
        bodies.map((body) => store.put('kit/race', unhurriedSource(body), { when: absent })),
      )
      const winners = checkOneWinner(outcomes)
      assert.equal((await readAll(store, 'kit/race')).byteLength, 20_000 + winners)
    },
  },
  {
    id: 'when.absent.race-of-two-stores',
    claim: 'put() when absent through two stores over the same bytes has exactly one winner',
    needs: ['conditional-put', 'second'],
    async check({ store, second }) {
      const other = await second()
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, (_, index) =>
          (index % 2 === 0 ? store : other).put('kit/race', unhurriedSource(new Uint8Array(5_000 + index)), {
            when: absent,
          }),
        ),
      )
      const winner = checkOneWinner(outcomes)
      assert.equal((await readAll(other, 'kit/race')).byteLength, 5_000 + winner)
    },
  },
  {
    id: 'when.absent.slow-loser',
    claim: 'put() when absent is refused when another put of the key ended while its body came',
    needs: ['conditional-put'],
    async check({ store }) {
      const source = gatedSource(seededBytes(30, 100_000), 50_000)
      const slow = rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/slow', source, { when: absent }),
        'the slow put()',
      )
      await source.reached
      await putBytes(store, 'kit/slow', 'quick')
      source.release()
      await slow
      await holds(store, 'kit/slow', 'quick', 'after the slow put')
    },
  },
  {
    id: 'when.match.right',
    claim: 'put() when the etag matches replaces the object',
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/when', 'first')
      const next = await store.put('kit/when', text('second'), { when: matching(etag) })
      assert.notEqual(next.etag, etag)
      await holds(store, 'kit/when', 'second', 'get()')
    },
  },
  {
    id: 'when.match.stale',
    claim: 'put() when the etag is that of an older object is refused',
    needs: ['conditional-put'],
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/when', 'first')
      await putBytes(store, 'kit/when', 'second')
      await rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/when', text('third'), { when: matching(etag) }),
        'put()',
      )
      await holds(store, 'kit/when', 'second', 'after the refusal')
    },
  },
  {
    id: 'when.match.absent',
    claim: 'put() when the etag matches is refused on a key without object, and creates none',
    needs: ['conditional-put'],
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/when', 'first')
      await store.delete('kit/when')
      await rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/when', text('second'), { when: matching(etag) }),
        'put()',
      )
      await isAbsent(store, 'kit/when', 'after the refusal')
    },
  },
  {
    id: 'when.match.race',
    claim: 'put() of one etag by 16 at once has exactly one winner',
    needs: ['conditional-put'],
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/race', 'first')
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, (_, index) =>
          store.put('kit/race', unhurriedSource(new Uint8Array(9_000 + index)), { when: matching(etag) }),
        ),
      )
      const winner = checkOneWinner(outcomes)
      assert.equal((await readAll(store, 'kit/race')).byteLength, 9_000 + winner)
    },
  },
  {
    id: 'when.match.slow-loser',
    claim: 'put() when the etag matches is refused when another put of the key ended while its body came',
    needs: ['conditional-put'],
    async check({ store }) {
      const { etag } = await putBytes(store, 'kit/slow', 'first')
      const source = gatedSource(seededBytes(31, 100_000), 50_000)
      const slow = rejectsWith(
        'MEDIA_PRECONDITION',
        store.put('kit/slow', source, { when: matching(etag) }),
        'the slow put()',
      )
      await source.reached
      await putBytes(store, 'kit/slow', 'quick')
      source.release()
      await slow
      await holds(store, 'kit/slow', 'quick', 'after the slow put')
    },
  },
]

/** Index of the one that succeeded; all others must have been refused as MEDIA_PRECONDITION. */
function checkOneWinner(outcomes: readonly PromiseSettledResult<unknown>[]): number {
  const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []))
  assert.equal(winners.length, 1, `${winners.length} puts won`)
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue
    assert.ok(isMediaError(outcome.reason, 'MEDIA_PRECONDITION'), `a loser got ${String(outcome.reason)}`)
  }
  return winners[0] ?? -1
}
