import { type MediaQuery, queryTerms } from '@mediakeep/core'

/** A read in process that took longer than this came from a disk, not from memory. */
const COLD_MS = 10
/** How long reads that may be long stay off the event loop after one was cold. */
const COLD_FOR_MS = 10_000
/** Most records that are read in process at once: a page. */
const MAX_RECORDS = 100

/** Decides whether a read runs in process or in the reading thread. */
export interface ReadPlace {
  /** Whether a read of so many records may run in process now. */
  isInProcess(records: number): boolean
  /** Runs it there, and learns how long it took. */
  run<T>(read: () => T): T
}

/**
 * A page from memory takes half a millisecond, and twice that through a thread, most of it making records twice.
 * A page from a cold disk takes as long as the disk wants, and the event loop must not wait for it. So short reads
 * begin in process; when one was slow, the next ones go to the thread for a while.
 */
export function createReadPlace(now: () => number = () => performance.now()): ReadPlace {
  let coldUntil = Number.NEGATIVE_INFINITY
  return {
    isInProcess: (records) => records <= MAX_RECORDS && now() >= coldUntil,
    run(read) {
      const startedAt = now()
      try {
        return read()
      } finally {
        const endedAt = now()
        if (endedAt - startedAt > COLD_MS) coldUntil = endedAt + COLD_FOR_MS
      }
    },
  }
}

/** Whether a list is answered by one posting list or one key: it reads one page and no more. Others may look at many records. */
export function isOnePosting(query: MediaQuery): boolean {
  const { q, state, createdAfter, createdBefore, key } = query
  if (key !== undefined) return true
  if ([q, state, createdAfter, createdBefore].some((filter) => filter !== undefined)) return false
  return queryTerms(query).length <= 1
}
