import assert from 'node:assert/strict'
import type { SettledState } from '@mediakeep/core'
import { rejectsWith } from '../../object-store/expect.ts'
import type { ResourceStatesCase } from '../context.ts'
import { COLD, claimed, FAILED, HELD, LONG, READY, reads, settled, stateNow } from '../expect.ts'

const settledStates: Readonly<Record<string, SettledState>> = {
  ready: READY,
  cold: COLD,
  held: HELD,
  failed: FAILED,
}

const ODD_KEYS = [
  '__proto__',
  'constructor',
  'a',
  'A',
  'a:b',
  '{a}',
  'a b',
  'a\nb',
  'caf\u00e9',
  'x'.repeat(256),
]

/** What is read, and what was settled. */
export const readCases: readonly ResourceStatesCase[] = [
  {
    id: 'read.unknown',
    claim: 'read() of what nobody has told is undefined, which is not "missing"',
    async check({ states }) {
      assert.deepEqual(await states.read(['kit/a', 'kit/b']), [undefined, undefined])
      await settled(states, 'kit/a', READY)
      await reads(states, 'kit/b', undefined, 'after another key was settled')
    },
  },
  {
    id: 'read.none',
    claim: 'read() of no keys is no answers',
    async check({ states }) {
      assert.deepEqual(await states.read([]), [])
    },
  },
  {
    id: 'read.order',
    claim: 'read() gives one answer per key in the order asked, for a key asked twice too',
    async check({ states }) {
      await settled(states, 'kit/ready', READY)
      await settled(states, 'kit/cold', COLD)
      const answers = await states.read(['kit/cold', 'kit/none', 'kit/ready', 'kit/cold'])
      assert.deepEqual(
        answers.map((answer) => answer?.state),
        ['cold', undefined, 'ready', 'cold'],
      )
    },
  },
  {
    id: 'read.odd-keys',
    claim: 'keys that look like names of members, patterns or each other are keys of their own',
    async check({ states }) {
      for (const [index, key] of ODD_KEYS.entries())
        await settled(states, key, { state: 'cold', tier: `t${index}` })
      const answers = await states.read(ODD_KEYS)
      assert.deepEqual(
        answers.map((answer) => (answer?.state === 'cold' ? answer.tier : answer?.state)),
        ODD_KEYS.map((_, index) => `t${index}`),
      )
    },
  },
  {
    id: 'read.bad-key',
    claim: 'an empty key and one of more than 256 bytes are refused as MEDIA_BAD_INPUT',
    async check({ states }) {
      for (const key of ['', '\u00e9'.repeat(129)]) {
        await rejectsWith('MEDIA_BAD_INPUT', states.read(['kit/a', key]), 'read()')
        await rejectsWith('MEDIA_BAD_INPUT', states.claim(key, LONG), 'claim()')
        await rejectsWith('MEDIA_BAD_INPUT', states.invalidate([key]), 'invalidate()')
      }
    },
  },
  ...Object.entries(settledStates).map(
    ([name, state]): ResourceStatesCase => ({
      id: `settle.${name}`,
      claim: `settle() to ${name} is what every handle reads, whole`,
      async check({ states, second }) {
        const other = await second()
        await settled(states, 'kit/a', state)
        for (const handle of [states, other]) {
          const read = await stateNow(handle, 'kit/a')
          const { retryAfterMs, ...rest } = { retryAfterMs: 0, ...read }
          const { retryAfterMs: given, ...expected } = { retryAfterMs: 0, ...state }
          assert.deepEqual(rest, expected)
          assert.ok(retryAfterMs <= given && retryAfterMs > given - 10_000, `retryAfterMs ${retryAfterMs}`)
        }
      },
    }),
  ),
  {
    id: 'settle.copies',
    claim: 'what is settled and what is read are copies: changing either changes nothing stored',
    async check({ states }) {
      const since = new Date(1_767_225_600_000)
      const given = { state: 'ready' as const, tier: 'disk', since }
      await settled(states, 'kit/a', given)
      since.setTime(0)
      given.tier = 'other'
      const read = await stateNow(states, 'kit/a')
      assert.deepEqual(read, READY, 'the state changed with the object that was settled')
      if (read?.state === 'ready') read.since.setTime(0)
      assert.deepEqual(
        await stateNow(states, 'kit/a'),
        READY,
        'the state changed with the object that was read',
      )
    },
  },
  {
    id: 'settle.never-missing',
    claim:
      'settle() to missing, loading or anything else is MEDIA_BAD_INPUT, stores nothing, and leaves the lease',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      for (const state of ['missing', 'loading', 'READY', '']) {
        const untyped = { state, tier: 'disk', since: new Date(), retryAfterMs: 1, reason: 'pending' }
        await rejectsWith(
          'MEDIA_BAD_INPUT',
          states.settle(lease, untyped as unknown as SettledState),
          `settle(${state})`,
        )
        await reads(states, 'kit/a', 'loading', `after settle(${state})`)
      }
      await states.settle(lease, READY)
    },
  },
  {
    id: 'settle.bad-state',
    claim: 'settle() to a state without its facts is MEDIA_BAD_INPUT and leaves the lease',
    async check({ states }) {
      const lease = await claimed(states, 'kit/a')
      const bad: readonly SettledState[] = [
        { state: 'ready', tier: '', since: new Date() },
        { state: 'ready', tier: 'disk', since: new Date(Number.NaN) },
        { state: 'failed', retryAfterMs: -1, reason: 'x' },
        { state: 'failed', retryAfterMs: Number.POSITIVE_INFINITY, reason: 'x' },
      ]
      for (const state of bad)
        await rejectsWith('MEDIA_BAD_INPUT', states.settle(lease, state), JSON.stringify(state))
      await states.settle(lease, READY)
    },
  },
  {
    id: 'settle.failed-counts-down',
    claim: 'retryAfterMs of failed counts down, and the state is forgotten with it',
    needs: ['clock'],
    async check({ states, advance }) {
      await settled(states, 'kit/a', { state: 'failed', retryAfterMs: 60_000, reason: 'x' })
      await advance(45_000)
      const read = await stateNow(states, 'kit/a')
      assert.equal(read?.state === 'failed' && read.retryAfterMs, 15_000)
      await advance(15_000)
      await reads(states, 'kit/a', undefined, 'when the time is over')
    },
  },
  {
    id: 'settle.forgotten',
    claim: 'a settled state is forgotten when its time is over, and not long before',
    needs: ['settled-ttl'],
    async check({ states, advance, settledTtlMs }) {
      await settled(states, 'kit/a', READY)
      await settled(states, 'kit/b', HELD)
      await advance(settledTtlMs / 2)
      await reads(states, 'kit/a', 'ready', 'at half of its time')
      await advance(settledTtlMs / 2 + 1)
      assert.deepEqual(await states.read(['kit/a', 'kit/b']), [undefined, undefined])
    },
  },
]
