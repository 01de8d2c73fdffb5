import type { Clock } from '../contracts/clock.ts'
import type { Lease, ResourceStates } from '../contracts/resource-states.ts'
import { SETTLED_STATE_TTL_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { systemClock } from '../time/clock.ts'
import { checkClaim, checkExtend, checkStateKey, leaseLost, settledStateOf } from './checks.ts'
import { createStateTable, type StateSubscriber, type StateTable } from './state-table.ts'
import { type StateEvent, type StateStep, stateOf, transition } from './transition.ts'

export interface MemoryStatesOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** How long a settled state is believed when nobody invalidates it. Default 10 min. */
  readonly settledTtlMs?: number
  /** States shared with another handle, as two processes share a Redis. Default: its own. */
  readonly table?: StateTable
}

/**
 * Resource states in this process: for a store of one process, and for tests.
 * Each change is one turn of the event loop, so nothing comes between its look and its write.
 */
export function memoryStates(options: MemoryStatesOptions = {}): ResourceStates {
  const { clock = systemClock, settledTtlMs = SETTLED_STATE_TTL_MS, table = createStateTable() } = options
  const own = new Set<StateSubscriber>()
  let isClosed = false

  const checkOpen = (): void => {
    if (isClosed) throw new MediaError('MEDIA_CLOSED', 'states: closed')
  }
  /** Lets the event happen; the step says whether it did. */
  const change = (key: string, event: StateEvent): StateStep => {
    const nowMs = clock.now()
    const step = transition(table.find(key), event, { nowMs, lastToken: table.lastToken(), settledTtlMs })
    if (step.accepted) table.keep(key, step.entry, nowMs)
    return step
  }
  const enter = (key: string): void => {
    checkOpen()
    checkStateKey(key)
  }

  return {
    async read(keys) {
      checkOpen()
      for (const key of keys) checkStateKey(key)
      const nowMs = clock.now()
      return keys.map((key) => stateOf(table.find(key), nowMs))
    },
    async claim(key, options) {
      enter(key)
      checkClaim(options)
      const { ttlMs, estimateMs } = options
      const step = change(key, {
        type: 'claim',
        ttlMs,
        ...(estimateMs === undefined ? {} : { estimateMs }),
      })
      if (!step.accepted) return undefined
      const lease = leaseOf(key, step)
      table.tell([key])
      return lease
    },
    async extend(lease, options) {
      enter(lease.key)
      checkExtend(options)
      const { ttlMs, estimateMs, progressRatio } = options
      const step = change(lease.key, {
        type: 'extend',
        token: lease.fencingToken,
        ttlMs,
        ...(estimateMs === undefined ? {} : { estimateMs }),
        ...(progressRatio === undefined ? {} : { progressRatio }),
      })
      if (!step.accepted) throw leaseLost(lease)
      return leaseOf(lease.key, step)
    },
    async settle(lease, to) {
      enter(lease.key)
      const step = change(lease.key, { type: 'settle', token: lease.fencingToken, to: settledStateOf(to) })
      if (!step.accepted) throw leaseLost(lease)
      table.tell([lease.key])
    },
    async release(lease) {
      enter(lease.key)
      const { accepted } = change(lease.key, { type: 'release', token: lease.fencingToken })
      if (accepted) table.tell([lease.key])
    },
    async invalidate(keys) {
      checkOpen()
      for (const key of keys) checkStateKey(key)
      for (const key of keys) change(key, { type: 'invalidate' })
      if (keys.length > 0) table.tell([...keys])
    },
    subscribe(listener, { onGap }) {
      checkOpen()
      const subscriber: StateSubscriber = { onChange: listener, onGap }
      own.add(subscriber)
      table.subscribers.add(subscriber)
      return () => {
        own.delete(subscriber)
        table.subscribers.delete(subscriber)
      }
    },
    async close() {
      isClosed = true
      for (const subscriber of own) table.subscribers.delete(subscriber)
      own.clear()
    },
  }
}

function leaseOf(key: string, { entry }: StateStep): Lease {
  if (entry?.type !== 'loading') throw new Error('states: a claim that was accepted kept no lease')
  return { key, fencingToken: entry.token, endsAt: new Date(entry.endsAtMs) }
}
