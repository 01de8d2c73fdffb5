import { memoryStates, type ResourceState, type SettledState } from '@mediakeep/core'
import { over, type StatesMutant, withKeys } from './mutant.ts'

const LONGEST_KEY_BYTES = 256

/** States that are kept, told or forgotten wrongly. */
export const readMutants: readonly StatesMutant[] = [
  {
    id: 'unknown-is-missing',
    fault: 'what is not known is told as missing',
    convictedBy: ['read.unknown', 'read.order', 'release.free', 'invalidate.forgets'],
    break: (states) =>
      over(states, {
        async read(keys) {
          const missing = { state: 'missing' } as unknown as ResourceState
          return (await states.read(keys)).map((state) => state ?? missing)
        },
      }),
  },
  {
    id: 'reads-one-at-least',
    fault: 'no keys are answered as one',
    convictedBy: ['read.none'],
    break: (states) =>
      over(states, { read: async (keys) => (keys.length === 0 ? [undefined] : states.read(keys)) }),
  },
  {
    id: 'reads-each-once',
    fault: 'a key asked twice is answered once',
    convictedBy: ['read.order'],
    break: (states) => over(states, { read: (keys) => states.read([...new Set(keys)]) }),
  },
  {
    id: 'folds-keys',
    fault: 'keys are compared without case',
    convictedBy: ['read.odd-keys'],
    break: (states) => withKeys(states, (key) => key.toLowerCase()),
  },
  {
    id: 'takes-any-key',
    fault: 'an empty key and one that is too long are cut to fit',
    convictedBy: ['read.bad-key'],
    break: (states) =>
      withKeys(states, (key) => (key === '' ? 'empty' : key.slice(0, LONGEST_KEY_BYTES / 3))),
  },
  {
    id: 'one-key',
    fault: 'all keys share one lock',
    convictedBy: ['claim.apart', 'read.unknown', 'invalidate.forgets'],
    break: (states) => withKeys(states, () => 'all'),
  },
  {
    id: 'states-per-process',
    fault: 'each handle has states of its own',
    convictedBy: [
      'settle.ready',
      'settle.cold',
      'settle.held',
      'settle.failed',
      'claim.race-of-two',
      'claim.taken',
      'claim.first',
      'subscribe.changes',
      'subscribe.after',
    ],
    break: (_states, _table, clock) => memoryStates({ clock }),
  },
  {
    id: 'keeps-objects',
    fault: 'the object that was settled is kept and given out',
    convictedBy: ['settle.copies'],
    break(states) {
      const kept = new Map<string, SettledState>()
      return over(states, {
        async settle(lease, to) {
          await states.settle(lease, to)
          kept.set(lease.key, to)
        },
        async read(keys) {
          const read = await states.read(keys)
          return read.map((state, index) =>
            state?.state === 'ready' ? (kept.get(keys[index] ?? '') ?? state) : state,
          )
        },
      })
    },
  },
  {
    id: 'settles-anything',
    fault: 'a state that is none is kept as cold',
    convictedBy: ['settle.never-missing', 'settle.bad-state'],
    break: (states) =>
      over(states, {
        settle: (lease, to) =>
          states.settle(lease, to).catch(() => states.settle(lease, { state: 'cold', tier: 's3' })),
      }),
  },
  {
    id: 'failed-stands-still',
    fault: 'retryAfterMs of failed does not count down',
    convictedBy: ['settle.failed-counts-down'],
    break: (states) =>
      over(states, {
        read: async (keys) =>
          (await states.read(keys)).map((state) =>
            state?.state === 'failed' ? { ...state, retryAfterMs: 60_000 } : state,
          ),
      }),
  },
  {
    id: 'forgets-nothing',
    fault: 'a settled state is believed for ever',
    convictedBy: ['settle.forgotten', 'settle.failed-counts-down'],
    break(states) {
      const kept = new Map<string, SettledState>()
      return over(states, {
        async settle(lease, to) {
          await states.settle(lease, to)
          kept.set(lease.key, to)
        },
        async read(keys) {
          return (await states.read(keys)).map((state, index) => state ?? kept.get(keys[index] ?? ''))
        },
      })
    },
  },
  {
    id: 'loading-unseen',
    fault: 'what loads is told as unknown',
    convictedBy: [
      'claim.first',
      'claim.cold',
      'settle.never-missing',
      'settle.forged',
      'extend.never-nearer',
    ],
    break: (states) =>
      over(states, {
        read: async (keys) =>
          (await states.read(keys)).map((state) => (state?.state === 'loading' ? undefined : state)),
      }),
  },
  {
    id: 'invalidates-first',
    fault: 'only the first key of a batch is invalidated',
    convictedBy: ['invalidate.forgets', 'subscribe.changes'],
    break: (states) => over(states, { invalidate: (keys) => states.invalidate(keys.slice(0, 1)) }),
  },
  {
    id: 'invalidates-all',
    fault: 'an invalidation forgets every key',
    convictedBy: ['invalidate.forgets'],
    break: (states, table) =>
      over(states, {
        async invalidate(keys) {
          await states.invalidate(keys)
          table.lose()
        },
      }),
  },
]
