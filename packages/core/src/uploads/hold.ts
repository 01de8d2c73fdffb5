import type { Catalog, ExtendSession, KeptSession, UploadSessionRecord } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { untilAbort } from '../time/interruption.ts'
import { pause } from '../time/pause.ts'
import type { UploadLimits } from './context.ts'
import { decodeData, encodeData, type UploadData, type UploadPart } from './upload-data.ts'

export interface Change extends Omit<ExtendSession, 'declared'> {
  readonly data?: Partial<UploadData>
}

/** An upload that this process has for itself: nobody else can change it while the lease runs. */
export interface Hold {
  readonly token: { readonly id: string; readonly fence: number }
  readonly record: UploadSessionRecord
  readonly data: UploadData
  /** Aborts when somebody else wants it and nothing has moved for a while, or when it was lost. */
  readonly signal: AbortSignal
  /** Bytes moved: it is alive. */
  touch(): void
  /** No sender is waited for from now on: nobody ends it for being still. */
  beWorking(): void
  /** Whether the lease is to be extended. */
  isDue(): boolean
  /** Writes to the row, one change after the other. @throws MediaError MEDIA_LEASE_LOST */
  save(change: Change): Promise<void>
  /** Ends the session; its row is told of for a while. @throws MediaError MEDIA_LEASE_LOST */
  end(keep: Omit<KeptSession, 'declared'> & { readonly data?: Partial<UploadData> }): Promise<void>
  /** Extends the lease by itself while long work is done. Returns how to stop. */
  keepAlive(): () => void
  /** A commit has ended it. */
  committed(): void
  /** A change that was written has given it away. */
  handedOver(): void
  /** Writes a last change that must be kept, and lets others have it at once. @throws MediaError MEDIA_LEASE_LOST */
  handOver(change: Change): Promise<void>
  /** The same where nothing depends on it: not where it has ended or was handed over, and a lease that was lost is no failure. Says whether it was written. */
  letGo(change?: Change): Promise<boolean>
  /** This process is done with it: others of this process may have it. */
  release(): void
  /** The part that is written to, once the row says so; of uploads in chunks those under way, and whether the row lacks one that came. */
  readonly writing: {
    part: Promise<UploadPart> | undefined
    readonly underWay: Set<number>
    isAhead: boolean
  }
  /** One user in this process less; says whether it was the last. */
  leave(): boolean
}

export interface Holds {
  /**
   * Takes an upload. One that another request writes is waited for; where that one waits for a sender who has not moved a byte for a
   * while it is ended first, and what it brought is kept.
   * @throws MediaError MEDIA_LOCKED `upload-locked`; as `claimSession`
   */
  take(id: string, options: { readonly signal: AbortSignal; readonly shared?: boolean }): Promise<Hold>
  /** Ends a writer of this process that does not move, and waits for one that is just ending: what is read then is what it left. */
  settle(id: string, signal: AbortSignal): Promise<void>
  /** Ends a writer of this process, whether it moves or not: the upload is given up. */
  stop(id: string, signal: AbortSignal): Promise<void>
}

interface Entry {
  readonly done: Promise<void>
  readonly isShared: boolean
  readonly stopping: AbortController
  users: number
  touchedAtMs: number
  /** What it does needs no sender, however long it takes: a look at the whole, a copy. */
  isWorking: boolean
  /** Of whoever came first. */
  claiming: Promise<Hold> | undefined
  finish(): void
}

/** Between two looks at an upload that somebody else has. */
const POLL_MS = 100

export function createHolds(
  { catalog, clock }: { readonly catalog: Catalog; readonly clock: Clock },
  limits: UploadLimits,
): Holds {
  const entries = new Map<string, Entry>()

  const enter = (id: string, isShared: boolean): Entry => {
    let resolve = (): void => {}
    const done = new Promise<void>((fulfil) => {
      resolve = fulfil
    })
    const entry: Entry = {
      done,
      isShared,
      stopping: new AbortController(),
      users: 1,
      touchedAtMs: clock.now(),
      isWorking: false,
      claiming: undefined,
      finish() {
        if (entries.get(id) === entry) entries.delete(id)
        resolve()
      },
    }
    entries.set(id, entry)
    return entry
  }
  const stop = (entry: Entry, reason: MediaError): void => entry.stopping.abort(reason)
  const isStill = ({ isWorking, touchedAtMs }: Entry): boolean =>
    !isWorking && clock.now() - touchedAtMs >= limits.stallMs

  const claim = async (id: string, entry: Entry): Promise<Hold> => {
    const record = await catalog.claimSession(id, { leaseMs: limits.leaseMs })
    return createHold(catalog, clock, limits, record, entry)
  }

  return {
    async take(id, { signal, shared = false }) {
      const untilMs = clock.now() + limits.lockWaitMs
      for (;;) {
        signal.throwIfAborted()
        const there = entries.get(id)
        if (there === undefined) {
          const entry = enter(id, shared)
          try {
            entry.claiming = claim(id, entry)
            return await entry.claiming
          } catch (error) {
            entry.finish()
            if (!isMediaError(error, 'MEDIA_LOCKED') || clock.now() >= untilMs) throw error
            await pause(Math.min(error.retryAfterMs ?? POLL_MS, POLL_MS), clock, signal)
          }
          continue
        }
        if (shared && there.isShared && there.users > 0 && !there.stopping.signal.aborted) {
          there.users += 1
          // Where the first could not claim it, each tries for itself.
          const hold = await there.claiming?.catch(() => undefined)
          if (hold !== undefined) return hold
          continue
        }
        if (clock.now() >= untilMs) throw locked(limits.stallMs)
        if (isStill(there)) stop(there, takenOver())
        await untilDone(there, POLL_MS, clock, signal)
      }
    },
    async settle(id, signal) {
      const there = entries.get(id)
      if (there === undefined || there.isShared) return
      if (isStill(there)) stop(there, takenOver())
      if (there.stopping.signal.aborted) await untilDone(there, limits.lockWaitMs, clock, signal)
    },
    async stop(id, signal) {
      const there = entries.get(id)
      if (there === undefined) return
      stop(there, uploadEnded())
      await untilAbort(there.done, signal)
    },
  }
}

/** Waits for the end of a hold, for `ms` at most. Leaves neither a timer nor a listener: many may wait, and take turns fast. */
async function untilDone(
  { done }: Pick<Entry, 'done'>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let cancel = (): void => {}
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve)
  })
  try {
    await untilAbort(Promise.race([done, late]), signal)
  } finally {
    cancel()
  }
}

function createHold(
  catalog: Catalog,
  clock: Clock,
  limits: UploadLimits,
  claimed: UploadSessionRecord,
  entry: Entry,
): Hold {
  let extendedAtMs = clock.now()
  let tail: Promise<unknown> = Promise.resolve()
  let isOver = false
  const token = { id: claimed.id, fence: claimed.fence }
  /** In order: a change that is written late must not undo a later one. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = tail.then(work, work)
    tail = mine.catch(() => {})
    return mine
  }
  const lost = (error: unknown): void => {
    // What was committed or handed over is no more ours to lose.
    if (!isOver && isMediaError(error, 'MEDIA_LEASE_LOST')) entry.stopping.abort(error)
  }
  const hold: Hold & { record: UploadSessionRecord; data: UploadData } = {
    token,
    record: claimed,
    data: decodeData(claimed.declared),
    signal: entry.stopping.signal,
    touch() {
      entry.touchedAtMs = clock.now()
    },
    beWorking() {
      entry.isWorking = true
    },
    isDue: () => Math.abs(clock.now() - extendedAtMs) >= limits.leaseMs / 3,
    save({ data: change, ...to }) {
      if (change !== undefined) hold.data = { ...hold.data, ...change }
      if (to.leaseMs !== undefined) extendedAtMs = clock.now()
      return inTurn(async () => {
        try {
          const saved = await catalog.extendSession(token, {
            // What is being written or looked at does not run out meanwhile.
            ...((to.leaseMs ?? 0) > 0
              ? { ttlMs: Math.max(hold.record.expiresAt.getTime() - clock.now(), 6 * limits.leaseMs) }
              : {}),
            ...to,
            ...(change === undefined ? {} : { declared: encodeData(hold.data) }),
          })
          hold.record = { ...hold.record, ...saved, state: to.state ?? hold.record.state }
        } catch (error) {
          lost(error)
          throw error
        }
      })
    },
    end({ data: change, ...keep }) {
      isOver = true
      hold.data = { ...hold.data, ...change }
      return inTurn(async () => {
        await catalog.endSession(token, { ...keep, declared: encodeData(hold.data) })
        hold.record = { ...hold.record, state: keep.state, declared: encodeData(hold.data) }
      })
    },
    keepAlive() {
      let cancel = (): void => {}
      let isStopped = false
      const beat = (): void => {
        cancel = clock.after(limits.leaseMs / 3, () => {
          if (isStopped || isOver) return
          hold.save({ leaseMs: limits.leaseMs }).catch(() => {}) // a lost lease has aborted the signal
          beat()
        })
      }
      beat()
      return () => {
        isStopped = true
        cancel()
      }
    },
    writing: { part: undefined, underWay: new Set(), isAhead: false },
    committed() {
      isOver = true
    },
    handedOver() {
      isOver = true
    },
    handOver(change) {
      isOver = true
      return hold.save({ ...change, leaseMs: 0 })
    },
    async letGo(change = {}) {
      if (isOver) return false
      try {
        await hold.handOver(change)
        return true
      } catch (error) {
        if (!isMediaError(error)) throw error
        return false
      }
    },
    release: () => entry.finish(),
    leave() {
      entry.users -= 1
      return entry.users === 0
    },
  }
  return hold
}

function locked(retryAfterMs: number): MediaError {
  return new MediaError('MEDIA_LOCKED', 'this upload is being written; try again when that has ended', {
    reason: 'upload-locked',
    retryAfterMs,
  })
}

function takenOver(): MediaError {
  return new MediaError('MEDIA_LOCKED', 'another request has taken this upload over', {
    reason: 'upload-taken-over',
  })
}

/** What whoever still writes is told of an upload that was given up or rejected meanwhile. */
export function uploadEnded(): MediaError {
  return new MediaError('MEDIA_CONFLICT', 'the upload has ended', { reason: 'upload-ended' })
}
