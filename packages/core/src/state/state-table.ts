import { STATE_TABLE_ENTRIES, STATE_TABLE_LEASES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createGenerations } from './generations.ts'
import { type LoadingEntry, liveEntry, type StateEntry } from './transition.ts'

export interface StateSubscriber {
  onChange(keys: readonly string[]): void
  onGap(): void
}

/**
 * The states behind one or several handles, as a Redis is behind several processes.
 * Settled states are forgotten when they are too many; live leases never are, since forgetting one makes two holders.
 */
export interface StateTable {
  /** Settled states and leases that are kept now. */
  readonly size: number
  readonly subscribers: Set<StateSubscriber>
  /** The last token given for any key. */
  lastToken(): number
  find(key: string): StateEntry | undefined
  /** @throws MediaError MEDIA_BUSY `too-many-leases` */
  keep(key: string, entry: StateEntry | undefined, nowMs: number): void
  /** Tells the subscribers; what they throw is theirs. */
  tell(keys: readonly string[]): void
  /** Forgets every state and lease, as a backend that was flushed, and tells the subscribers of a gap. */
  lose(): void
}

export interface StateTableOptions {
  /** Settled states that are kept. Default 100,000, about 30 MB at most. */
  readonly maxEntries?: number
  /** Leases that may be live at once; more are MEDIA_BUSY. Default 10,000. */
  readonly maxLeases?: number
}

export function createStateTable(options: StateTableOptions = {}): StateTable {
  const { maxEntries = STATE_TABLE_ENTRIES, maxLeases = STATE_TABLE_LEASES } = options
  const settled = createGenerations<StateEntry>(maxEntries)
  const leases = new Map<string, LoadingEntry>()
  const subscribers = new Set<StateSubscriber>()
  // One for all keys, so that a key that was forgotten needs no memory of its own.
  let lastToken = 0

  const makeRoom = (nowMs: number): void => {
    for (const [key, entry] of leases) if (liveEntry(entry, nowMs) === undefined) leases.delete(key)
    if (leases.size < maxLeases) return
    throw new MediaError('MEDIA_BUSY', `states: ${maxLeases} leases are live, no more are kept`, {
      reason: 'too-many-leases',
    })
  }
  const tellEach = (tell: (subscriber: StateSubscriber) => void): void => {
    for (const subscriber of [...subscribers]) {
      try {
        tell(subscriber)
      } catch {
        // A listener can never fail the change it is told of.
      }
    }
  }

  return {
    get size() {
      return settled.size + leases.size
    },
    subscribers,
    lastToken: () => lastToken,
    find: (key) => leases.get(key) ?? settled.get(key),
    keep(key, entry, nowMs) {
      if (entry?.type === 'loading') {
        if (!leases.has(key) && leases.size >= maxLeases) makeRoom(nowMs)
        settled.delete(key)
        leases.set(key, entry)
        lastToken = Math.max(lastToken, entry.token)
        return
      }
      leases.delete(key)
      if (entry === undefined) settled.delete(key)
      else settled.set(key, entry)
    },
    tell: (keys) => tellEach((subscriber) => subscriber.onChange(keys)),
    lose() {
      leases.clear()
      settled.clear()
      tellEach((subscriber) => subscriber.onGap())
    },
  }
}
