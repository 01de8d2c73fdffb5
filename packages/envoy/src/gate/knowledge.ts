import type { Clock, LocateOptions, MediaLocation, MediaRef } from '@mediakeep/core'
import { BUSY_MS, JITTER_RATIO, LOOK_PAUSE_MS } from '../defaults.ts'
import type { CacheSettings } from './cache-options.ts'
import { createSieveCache } from './sieve-cache.ts'

/** What is known of one name, and what was made of it. */
export interface Known<Made> {
  readonly location: MediaLocation
  readonly lookedAtMs: number
  /** Believed until then, and until there is a doubt. */
  readonly untilMs: number
  readonly doubts: number
  /** It is the last known answer, given because nobody could be asked. */
  isStale: boolean
  /** Whatever the caller keeps with it; it goes when this does. */
  made: Made | undefined
}

export interface KnowledgeCounts {
  readonly hits: number
  readonly looks: number
  /** Checks that waited for a look that another one had begun. */
  readonly joined: number
  /** Checks that were given the last known answer. */
  readonly stale: number
  readonly failedLooks: number
}

export interface Knowledge<Made> {
  /**
   * What is known of a name, at once where it is known well enough. `undefined`: nobody could be asked, and nothing is known.
   * Never rejects.
   * @param deadlineMs when this answer has to be there; a look that takes longer goes on for others
   */
  of(
    key: string,
    ref: MediaRef,
    look: (ref: MediaRef, options: LocateOptions) => Promise<MediaLocation>,
    deadlineMs?: number,
  ): Known<Made> | Promise<Known<Made> | undefined>
  /** These names have changed, whatever was found out of them before now. */
  forget(names: readonly string[]): void
  /** Anything may have changed. What is known is kept as the last known answer only. */
  doubtAll(): void
  readonly counts: KnowledgeCounts
  readonly entries: number
  readonly usedBytes: number
}

/** A look under way. */
interface Flight<Made> {
  end: Promise<Known<Made> | undefined>
  readonly begunAt: number
  /** When it should have ended, in ms since the epoch of the machine. */
  readonly untilMs: number
}

/** A look that fails alone is its own bad luck. */
const FAILURES_BEFORE_PAUSE = 3
const MAX_TOLD = 1_000
/** More would only wait in line behind a catalog that hangs. */
const MAX_PENDING_LOOKS = 2_000
/** At this share of its time it is seen whether this process was there to hear. */
const HEARD_AT = 0.8
/** How often a look is waited for again because this process was busy. */
const MAX_WAITS = 3
/** Of the time of a look, or of an answer: what it takes to say something else instead. */
const MARGIN_MS = 10

/** What an entry costs beside what its record brings: slots, names, answers made of it and their encoding. Measured, and rounded up. */
const THERE_BYTES = 6_000
const MISSING_BYTES = 900

/**
 * What the gate remembers of names, so that most checks ask nobody. Names that are missing have room of their own: a flood of
 * made-up ones drops none that is there. Many checks of one name at one time are one look.
 */
export function createKnowledge<Made>(settings: CacheSettings, clock: Clock): Knowledge<Made> {
  const { maxEntries, maxBytes, maxMissing, staleMs, lookTimeoutMs } = settings
  /** Which entries a change of a name touches. */
  const keysOfName = new Map<string, Set<string>>()
  const unname = (key: string, { location: { names } }: Known<Made>): void => {
    for (const name of names) {
      const keys = keysOfName.get(name)
      if (keys?.delete(key) === true && keys.size === 0) keysOfName.delete(name)
    }
  }
  const there = createSieveCache<Known<Made>>({ maxEntries, maxBytes }, unname)
  const missing = createSieveCache<Known<Made>>({ maxEntries: maxMissing, maxBytes }, unname)
  const flights = new Map<string, Flight<Made>>()
  /** Names told of while looks were under way, which may have seen what was before; by a number that grows with each. */
  const toldAt = new Map<string, number>()
  let tellings = 0
  let doubts = 0
  let failuresInRow = 0
  /** Looks that have not ended, those among them that nobody waits for any more. */
  let pendingLooks = 0
  /** After several failed looks nobody is asked until then: those who wait for a dead catalog must not pile up. */
  let pausedUntilMs = 0
  const counts = { hits: 0, looks: 0, joined: 0, stale: 0, failedLooks: 0 }

  const find = (key: string): Known<Made> | undefined => there.get(key) ?? missing.get(key)
  const drop = (key: string): void => {
    there.delete(key)
    missing.delete(key)
  }
  const keep = (key: string, known: Known<Made>): void => {
    drop(key)
    const { media, names } = known.location
    const cache = media === undefined ? missing : there
    const costBytes = key.length * 2 + (media === undefined ? MISSING_BYTES : THERE_BYTES + sizeOf(media))
    if (!cache.set(key, known, costBytes)) return
    for (const name of names) {
      const keys = keysOfName.get(name)
      if (keys === undefined) keysOfName.set(name, new Set([key]))
      else keys.add(key)
    }
  }
  const lifeMs = ({ media, availability }: MediaLocation): number => {
    if (media === undefined) return settings.missingTtlMs
    switch (availability.state) {
      case 'ready':
        return settings.readyTtlMs
      case 'loading':
        return Math.min(settings.loadingTtlMs, availability.retryAfterMs / 2)
      case 'cold':
      case 'failed':
      case 'held':
      case 'missing':
        return settings.failedTtlMs
    }
  }
  /** The last answer, as long as it is young enough; a name that was missing may be there by now. */
  const lastKnown = (known: Known<Made> | undefined): Known<Made> | undefined => {
    if (known?.location.media === undefined || clock.now() - known.lookedAtMs > staleMs) return undefined
    counts.stale += 1
    known.isStale = true
    return known
  }

  async function fly(
    key: string,
    ref: MediaRef,
    look: (ref: MediaRef, options: LocateOptions) => Promise<MediaLocation>,
    before: Known<Made> | undefined,
    withinMs: number,
  ): Promise<Known<Made> | undefined> {
    counts.looks += 1
    const doubtsBefore = doubts
    const begunAt = tellings
    try {
      const asked = look(ref, { statesWithinMs: Math.max(withinMs - MARGIN_MS, 0) })
      pendingLooks += 1
      const end = (): void => {
        pendingLooks -= 1
      }
      asked.then(end, end)
      const location = await inTime(lookTimeoutMs, clock, asked)
      const nowMs = clock.now()
      failuresInRow = 0
      const isOld =
        doubts !== doubtsBefore || location.names.some((name) => (toldAt.get(name) ?? 0) > begunAt)
      const spread = 1 + (Math.random() * 2 - 1) * JITTER_RATIO
      const known: Known<Made> = {
        location,
        lookedAtMs: nowMs,
        doubts,
        untilMs: isOld ? nowMs : nowMs + lifeMs(location) * spread,
        isStale: false,
        made: undefined,
      }
      // What changed while it was looked at is answered with, as a look that came a moment sooner, and not kept.
      if (!isOld) keep(key, known)
      return known
    } catch {
      counts.failedLooks += 1
      failuresInRow += 1
      if (failuresInRow >= FAILURES_BEFORE_PAUSE)
        pausedUntilMs = clock.now() + LOOK_PAUSE_MS * (0.5 + Math.random())
      return lastKnown(before)
    } finally {
      flights.delete(key)
    }
  }

  /** What the look finds, or what was known last where the answer has to be there before its end. */
  function awaited(
    { end, untilMs }: Flight<Made>,
    before: Known<Made> | undefined,
    deadlineMs: number,
  ): Promise<Known<Made> | undefined> {
    // A look may take longer than it should; without a last answer it is for whoever asked to say that there is none.
    const isInTime = untilMs <= deadlineMs - MARGIN_MS && before?.location.media === undefined
    if (isInTime || deadlineMs === Number.POSITIVE_INFINITY) return end
    return new Promise((resolve) => {
      const giveUp = (): void => resolve(lastKnown(before))
      const cancel = clock.after(Math.max(deadlineMs - MARGIN_MS - Date.now(), 0), giveUp)
      void end.then((found) => {
        cancel()
        resolve(found)
      })
    })
  }

  return {
    of(key, ref, look, deadlineMs = Number.POSITIVE_INFINITY) {
      const known = find(key)
      const nowMs = clock.now()
      if (known !== undefined && known.untilMs > nowMs && known.doubts === doubts) {
        counts.hits += 1
        return known
      }
      const flight = flights.get(key)
      if (flight !== undefined) {
        counts.joined += 1
        return awaited(flight, known, deadlineMs)
      }
      if (nowMs < pausedUntilMs || pendingLooks >= MAX_PENDING_LOOKS) {
        const last = lastKnown(known)
        return last ?? Promise.resolve(undefined)
      }
      // It is one before it begins: what is told while the store is called counts.
      const startMs = Date.now()
      const begun: Flight<Made> = {
        begunAt: tellings,
        untilMs: startMs + lookTimeoutMs,
        end: Promise.resolve(undefined),
      }
      flights.set(key, begun)
      begun.end = fly(key, ref, look, known, Math.min(lookTimeoutMs, deadlineMs - startMs))
      return awaited(begun, known, deadlineMs)
    },
    forget(names) {
      // Those told of before the oldest look began are of no interest to any.
      const [oldest] = flights.values()
      if (oldest === undefined) toldAt.clear()
      else if (toldAt.size > MAX_TOLD)
        for (const [name, at] of toldAt) if (at <= oldest.begunAt) toldAt.delete(name)
      for (const name of names) {
        if (oldest !== undefined) toldAt.set(name, ++tellings)
        for (const key of [...(keysOfName.get(name) ?? [])]) drop(key)
      }
    },
    doubtAll() {
      doubts += 1
    },
    counts,
    get entries() {
      return there.size + missing.size
    },
    get usedBytes() {
      return there.usedBytes + missing.usedBytes
    },
  }
}

/** The record's own share: what hosts may put into it without a small bound. */
function sizeOf({ metadata, tags, links, filename, key }: NonNullable<MediaLocation['media']>): number {
  const text = filename.length + (key?.length ?? 0) + 64 * (tags.length + 2 * links.length)
  return text * 2 + (Object.keys(metadata).length === 0 ? 0 : JSON.stringify(metadata).length * 4)
}

/**
 * The answer, if it comes in time. A process that was busy itself, with a burst of questions, finds its timer before the answers
 * that wait to be read: then it reads on for as long again, for it was not the catalog that was silent. Checks that cannot wait so
 * long are answered without it.
 */
async function inTime<T>(ms: number, clock: Clock, work: Promise<T>): Promise<T> {
  let cancel = (): void => {}
  const late = new Promise<never>((_, reject) => {
    let waits = 0
    const wait = (forMs: number, isLast: boolean): void => {
      const begunMs = performance.now()
      cancel = clock.after(forMs, () => {
        const wasBusy = performance.now() - begunMs >= forMs + BUSY_MS
        if (wasBusy && waits++ < MAX_WAITS) wait(ms, true)
        else if (isLast) reject(new Error(`no answer within ${ms} ms`))
        else wait(ms - forMs, true)
      })
    }
    // In two parts: a process that was busy until the end would find one timer no later than it should ring.
    wait(ms * HEARD_AT, false)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
