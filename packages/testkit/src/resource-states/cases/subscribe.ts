import assert from 'node:assert/strict'
import type { ResourceStates } from '@mediakeep/core'
import { rejectsWith } from '../../object-store/expect.ts'
import { waitUntil } from '../../object-store/open-files.ts'
import type { ResourceStatesCase } from '../context.ts'
import { claimed, LONG, READY, reads, settled } from '../expect.ts'

interface Heard {
  readonly keys: string[]
  gaps: number
  stop(): void
}

function listen(states: ResourceStates): Heard {
  const keys: string[] = []
  const heard: Heard = {
    keys,
    gaps: 0,
    stop: states.subscribe((changed) => void keys.push(...changed), { onGap: () => (heard.gaps += 1) }),
  }
  return heard
}

/** Messages may come late; they come. */
async function hears(heard: Heard, key: string, of: string): Promise<void> {
  assert.ok(await waitUntil(() => heard.keys.includes(key)), `the listener is not told of ${of}`)
  heard.keys.length = 0
}

/** What subscribers are told, and what closing ends. */
export const subscribeCases: readonly ResourceStatesCase[] = [
  {
    id: 'subscribe.changes',
    claim: 'a listener is told of keys that another handle claims, settles, releases and invalidates',
    async check({ states, second }) {
      const other = await second()
      const heard = listen(states)
      const lease = await claimed(other, 'kit/a')
      await hears(heard, 'kit/a', 'the claim')
      await other.settle(lease, READY)
      await hears(heard, 'kit/a', 'the settle')
      await other.invalidate(['kit/other', 'kit/a'])
      await hears(heard, 'kit/a', 'the invalidation')
      const again = await claimed(other, 'kit/a')
      await hears(heard, 'kit/a', 'the second claim')
      await other.release(again)
      await hears(heard, 'kit/a', 'the release')
    },
  },
  {
    id: 'subscribe.own',
    claim: 'a listener is told of changes through its own handle too',
    async check({ states }) {
      const heard = listen(states)
      await states.invalidate(['kit/a'])
      await hears(heard, 'kit/a', 'the invalidation')
    },
  },
  {
    id: 'subscribe.after',
    claim: 'a listener that reads when it is told sees the change',
    async check({ states, second }) {
      const other = await second()
      await settled(other, 'kit/a', READY)
      const seen: Promise<unknown>[] = []
      states.subscribe(() => void seen.push(states.read(['kit/a'])), { onGap: () => {} })
      await other.invalidate(['kit/a'])
      assert.ok(await waitUntil(() => seen.length > 0), 'the listener is not told')
      assert.deepEqual(await seen[0], [undefined])
    },
  },
  {
    id: 'subscribe.stop',
    claim: 'a listener that was stopped is told no more, the others are',
    async check({ states }) {
      const stopped = listen(states)
      const heard = listen(states)
      stopped.stop()
      stopped.stop()
      await states.invalidate(['kit/a'])
      await hears(heard, 'kit/a', 'the invalidation')
      assert.deepEqual(stopped.keys, [])
    },
  },
  {
    id: 'subscribe.throws',
    claim: 'a listener that throws fails neither the change nor the other listeners',
    async check({ states }) {
      states.subscribe(
        () => {
          throw new Error('the listener is broken')
        },
        { onGap: () => {} },
      )
      const heard = listen(states)
      await settled(states, 'kit/a', READY)
      await hears(heard, 'kit/a', 'the settle')
      await reads(states, 'kit/a', 'ready', 'after it')
    },
  },
  {
    id: 'subscribe.gap',
    claim: 'a listener is told when messages may have been missed',
    needs: ['gap'],
    async check({ states, gap }) {
      const heard = listen(states)
      await gap()
      assert.ok(await waitUntil(() => heard.gaps > 0), 'onGap is not called')
    },
  },
  {
    id: 'close.then-calls',
    claim: 'every call after close() is MEDIA_CLOSED, never an answer of "unknown"',
    async check({ states, second }) {
      const other = await second()
      const lease = await claimed(states, 'kit/a')
      await states.close()
      await states.close()
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        read: () => states.read(['kit/a']),
        'read of nothing': () => states.read([]),
        claim: () => states.claim('kit/b', LONG),
        extend: () => states.extend(lease, LONG),
        settle: () => states.settle(lease, READY),
        release: () => states.release(lease),
        invalidate: () => states.invalidate(['kit/a']),
        subscribe: async () => states.subscribe(() => {}, { onGap: () => {} }),
      }
      for (const [name, call] of Object.entries(calls)) await rejectsWith('MEDIA_CLOSED', call(), name)
      await reads(other, 'kit/a', 'loading', 'in another handle')
    },
  },
  {
    id: 'close.ends-subscriptions',
    claim: 'close() ends the subscriptions of its handle and leaves those of others',
    async check({ states, second }) {
      const other = await second()
      const own = listen(states)
      const heard = listen(other)
      await states.close()
      await other.invalidate(['kit/a'])
      await hears(heard, 'kit/a', 'the invalidation')
      assert.deepEqual(own.keys, [])
    },
  },
]
