import { setMaxListeners } from 'node:events'
import { type Call, type CallScope, type Clock, MediaError, openCallScope } from '@mediakeep/core'

/** Counts calls under way, and ends them when the store closes. */
export interface Scopes {
  readonly isClosed: boolean
  /** @throws the signal's reason, MEDIA_TIMEOUT, MEDIA_CLOSED */
  enter(call: Call | undefined): CallScope
  /** Counts the work until it has ended. */
  track<T>(work: Promise<T>): Promise<T>
  /** Ends every call; resolves when none is under way. */
  close(): Promise<void>
}

export function createScopes(storeName: string, clock: Clock): Scopes {
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // every call under way listens to it
  const under = new Set<Promise<unknown>>()
  const check = (): void => {
    if (closing.signal.aborted) throw closing.signal.reason
  }
  /** Most calls bring neither signal nor deadline: they share this one. */
  const plain: CallScope = { signal: closing.signal, check, release() {} }
  return {
    get isClosed() {
      return closing.signal.aborted
    },
    enter(call) {
      if (call?.signal === undefined && call?.deadlineAt === undefined) {
        check()
        return plain
      }
      return openCallScope(call, clock, closing.signal)
    },
    track(work) {
      under.add(work)
      const forget = (): void => {
        under.delete(work)
      }
      work.then(forget, forget)
      return work
    },
    async close() {
      closing.abort(new MediaError('MEDIA_CLOSED', `${storeName}: the store is closed`))
      await Promise.allSettled(under)
    },
  }
}
