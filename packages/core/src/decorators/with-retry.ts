import { setMaxListeners } from 'node:events'
import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type { DeleteResult, ObjectStore } from '../contracts/object-store.ts'
import { RETRY_BASE_MS, RETRY_MAX_ATTEMPTS, RETRY_MAX_DELAY_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { openCallScope } from '../time/call-scope.ts'
import { systemClock } from '../time/clock.ts'
import { pause } from '../time/pause.ts'
import { blamedSource } from './backend-failure.ts'
import { decorateStore } from './decorate-store.ts'
import { overParts } from './over-parts.ts'
import { present } from './present.ts'
import { forwarded, rewritten } from './rules.ts'

export interface WithRetryOptions {
  /** The first one included. Default 4. */
  readonly maxAttempts?: number
  /** Pause before the second attempt; it doubles from there, each time 50 to 100 % of it. Default 100. */
  readonly baseDelayMs?: number
  /** Longest pause; a backend that asks for a longer one is not tried again. Default 5,000. */
  readonly maxDelayMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** 0 to 1, for the pauses. Default `Math.random`. */
  readonly random?: () => number
}

const OPTIONS: OptionNames<WithRetryOptions> = {
  maxAttempts: true,
  baseDelayMs: true,
  maxDelayMs: true,
  clock: true,
  random: true,
}

/** What may be otherwise in a moment. A full disk and a lease that is lost are not. */
const PASSING: ReadonlySet<string> = new Set([
  'MEDIA_UNAVAILABLE',
  'MEDIA_BUSY',
  'MEDIA_RATE_LIMITED',
  'MEDIA_LOCKED',
])

/**
 * A store whose calls are tried again when they failed for a reason that may pass, if once more does no harm:
 * `get` and `openFile` until they are open, `head`, `list`, `delete`, the failed keys of `deleteMany`, `createWriter`,
 * `identity`, calls of `directParts`, and `put` without a condition, whose source is opened anew each time.
 *
 * Not tried again: a `put` with `when` (the first attempt may have been the one that now stands in its way), `adopt` (the
 * file may be gone), `commit`, a source that broke, a body that broke off under its reader, and what the caller ended.
 * The error of the last attempt is thrown as it is.
 * @throws MediaError MEDIA_BAD_INPUT `retries-twice` over a store that retries by itself; `bad-limit` `unknown-option`
 */
export function withRetry(inner: ObjectStore, options: WithRetryOptions = {}): ObjectStore {
  refuseUnknown('withRetry', options, OPTIONS)
  const {
    maxAttempts = RETRY_MAX_ATTEMPTS,
    baseDelayMs = RETRY_BASE_MS,
    maxDelayMs = RETRY_MAX_DELAY_MS,
    clock = systemClock,
    random = Math.random,
  } = options
  if (inner.traits.retries) {
    throw new MediaError('MEDIA_BAD_INPUT', `${inner.name}: it retries by itself; attempts would multiply`, {
      reason: 'retries-twice',
    })
  }
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw new MediaError('MEDIA_BAD_INPUT', `${inner.name}: maxAttempts is 1 or more`, {
      reason: 'bad-limit',
    })
  }
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one per call under way

  /** How long to wait after the attempt; `undefined`: it was the last. */
  function pauseMs(attempt: number, error: unknown, call: Call | undefined): number | undefined {
    if (attempt >= maxAttempts || !isMediaError(error) || !error.retryable || !PASSING.has(error.code))
      return undefined
    const backOffMs = Math.min(baseDelayMs * 2 ** (attempt - 1), maxDelayMs) * (0.5 + random() / 2)
    const waitMs = Math.max(backOffMs, error.retryAfterMs ?? 0)
    if (waitMs > maxDelayMs) return undefined
    const deadlineMs = call?.deadlineAt?.getTime() ?? Number.POSITIVE_INFINITY
    return clock.now() + waitMs < deadlineMs ? waitMs : undefined
  }
  /** A call that is over already is no attempt, however it would have failed. */
  function checkDoor(call: Call | undefined): void {
    openCallScope(call, clock, closing.signal).release()
  }
  async function pauseIn(call: Call | undefined, waitMs: number): Promise<void> {
    const scope = openCallScope(call, clock, closing.signal)
    try {
      await pause(waitMs, clock, scope.signal)
    } finally {
      scope.release()
    }
  }
  async function retried<Result>(
    call: Call | undefined,
    act: () => Promise<Result>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<Result> {
    checkDoor(call)
    for (let attempt = 1; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        const waitMs = isFinal(error) ? undefined : pauseMs(attempt, error, call)
        if (waitMs === undefined) throw error
        await pauseIn(call, waitMs)
      }
    }
  }
  /** Tries again what failed, key by key. */
  async function deleteMany(keys: readonly string[], call?: Call): Promise<readonly DeleteResult[]> {
    checkDoor(call)
    const answers = new Map<number, DeleteResult>()
    let pending = [...keys.keys()]
    for (let attempt = 1; ; attempt++) {
      let failure: unknown
      try {
        const left = pending.map((index) => keys[index] ?? '')
        const results = await inner.deleteMany(left, call)
        for (const [at, index] of pending.entries())
          answers.set(index, results[at] ?? { key: left[at] ?? '' })
        pending = pending.filter((index) => pauseMs(attempt, answers.get(index)?.error, call) !== undefined)
        failure = answers.get(pending[0] ?? -1)?.error
      } catch (error) {
        if (pauseMs(attempt, error, call) === undefined) throw error
        failure = error
      }
      const waitMs = pauseMs(attempt, failure, call)
      if (waitMs === undefined) return keys.map((key, index) => answers.get(index) ?? { key })
      await pauseIn(call, waitMs)
    }
  }
  async function close(): Promise<void> {
    closing.abort(new MediaError('MEDIA_CLOSED', `${inner.name}: the store is closed`))
    await inner.close()
  }

  return decorateStore(inner, {
    name: forwarded,
    traits: rewritten({ ...inner.traits, retries: true }),
    put: rewritten((key, source, put) => {
      if (put?.when !== undefined) return inner.put(key, source, put)
      const blamed = blamedSource(source)
      return retried(put, () => inner.put(key, blamed.source, put), blamed.isToBlame)
    }),
    get: rewritten((key, get) => retried(get, () => inner.get(key, get))),
    head: rewritten((key, call) => retried(call, () => inner.head(key, call))),
    delete: rewritten((key, call) => retried(call, () => inner.delete(key, call))),
    deleteMany: rewritten(deleteMany),
    list: rewritten((list) => retried(list, () => inner.list(list))),
    close: rewritten(close),
    open: forwarded,
    identity: rewritten(() => retried(undefined, () => present(inner.identity).call(inner))),
    presign: forwarded,
    directParts: rewritten(overParts(inner.directParts, (_, call, work) => retried(call, work))),
    createWriter: rewritten((key, call) =>
      retried(call, () => present(inner.createWriter).call(inner, key, call)),
    ),
    sweepUploads: rewritten((options) =>
      retried(options, () => present(inner.sweepUploads).call(inner, options)),
    ),
    adopt: forwarded,
    localPath: forwarded,
    openFile: rewritten((key, call) => retried(call, () => present(inner.openFile).call(inner, key, call))),
    readNow: forwarded,
    staging: forwarded,
    observe: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: rewritten(close),
  })
}
