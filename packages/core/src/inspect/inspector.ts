import type { ByteSource } from '../contracts/bytes.ts'
import type { MediaFacts } from '../contracts/media.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import { createSlots } from '../decorators/slots.ts'
import {
  BUSY_RETRY_AFTER_MS,
  INSPECTION_READ_BYTES,
  INSPECTION_TIMEOUT_MS,
  MAX_INSPECTIONS,
  MAX_QUEUED_INSPECTIONS,
} from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createByteWindow, type ReadBytes } from './byte-window.ts'
import { limitsOf } from './limits.ts'
import { isLookedAt, look } from './look.ts'
import { invalid } from './refusals.ts'
import { askSharp, hasSecondOpinion } from './second-opinion.ts'
import { readerOf } from './source-reader.ts'
import { createInspectThreads } from './threads.ts'

/** Bodies up to this size are looked at where they are: a thread would cost more than the look. */
const INLINE_BYTES = 65_536
/** How long a thread may take to begin. */
const START_TIMEOUT_MS = 10_000

/** A body that is whole, and what was verified of it so far. */
export interface InspectInput {
  readonly source: ByteSource
  /** The verified type. */
  readonly contentType: string
  readonly filename: string
  /** The policy that took the type. */
  readonly policy: MediaPolicy
  /** The first bytes, where they are at hand: they may tell that there is nothing to look into. */
  readonly head?: Uint8Array | undefined
  readonly signal?: AbortSignal | undefined
}

/** Looks into bodies: what they are beyond their first bytes, and what is learned of them. */
export interface Inspector {
  /**
   * Facts of a body that may be taken. Reads by ranges, what it must, and holds some megabytes at most.
   * @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED with the reason (`InspectReason`); MEDIA_BUSY when too many wait;
   * MEDIA_TIMEOUT when the source does not give its bytes in time; MEDIA_UNAVAILABLE when no thread can be had; MEDIA_CLOSED. What the source throws, and the signal's
   * reason, pass through untouched.
   */
  inspect(input: InspectInput): Promise<MediaFacts>
  /** Ends what is under way with MEDIA_CLOSED, and every thread. */
  close(): Promise<void>
}

export interface InspectorOptions {
  /** Bodies looked at at the same time, each by a thread of its own. Default 2. */
  readonly maxConcurrent?: number
  /** Bodies that may wait for that; more are MEDIA_BUSY `too-many-inspections`. Default 256. */
  readonly maxQueued?: number
  /** How long one look may take. Default 10 s. */
  readonly timeoutMs?: number
  /** How long a thread that has nothing to do is kept. Default 30 s. */
  readonly idleMs?: number
  /** What one look may read of a body, all in all. Default 256 MiB. */
  readonly maxReadBytes?: number
  /** Whether sharp, where it is installed, is asked about images as well. Default true. */
  readonly secondOpinion?: boolean
}

/** One for a store. No thread is started before the first body that needs one. */
export function createInspector(options: InspectorOptions = {}): Inspector {
  return createInspectorWith(options)
}

/** The same with the program of its threads, which tests replace. */
export function createInspectorWith(
  {
    maxConcurrent = MAX_INSPECTIONS,
    maxQueued = MAX_QUEUED_INSPECTIONS,
    timeoutMs = INSPECTION_TIMEOUT_MS,
    maxReadBytes = INSPECTION_READ_BYTES,
    secondOpinion = true,
    ...rest
  }: InspectorOptions,
  threadUrl?: URL,
): Inspector & { readonly threadCount: number } {
  const idle = rest.idleMs === undefined ? {} : { idleMs: rest.idleMs }
  const threads = createInspectThreads({ ...idle, url: threadUrl })
  const underWay = new Set<AbortController>()
  let isClosed = false
  const slots = createSlots({
    maxTaken: maxConcurrent,
    maxWaiting: maxQueued,
    onFull: () =>
      new MediaError('MEDIA_BUSY', `${maxConcurrent} bodies are looked at, ${maxQueued} wait`, {
        reason: 'too-many-inspections',
        retryAfterMs: BUSY_RETRY_AFTER_MS,
      }),
  })

  /** Runs with a signal that ends by the caller's, by `close`, and by the time that one look may take. */
  const bounded = async (
    input: InspectInput,
    work: (signal: AbortSignal, read: ReadBytes, onBegun: () => void) => Promise<MediaFacts>,
    hasSlot: boolean,
  ): Promise<MediaFacts> => {
    const { signal, source } = input
    signal?.throwIfAborted()
    if (isClosed) throw closed()
    const ending = new AbortController()
    const onAbort = (): void => ending.abort(signal?.reason)
    let reading = 0
    let timer: NodeJS.Timeout | undefined
    let giveBack: (() => void) | undefined
    const isEnded = new Promise<never>((_, reject) => {
      ending.signal.addEventListener('abort', () => reject(ending.signal.reason), { once: true })
    })
    isEnded.catch(() => {}) // heard by the race, or by nobody
    underWay.add(ending)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      if (hasSlot) giveBack = await slots.take(ending.signal)
      const late = (): void => ending.abort(outOfTime(reading > 0, timeoutMs))
      const onBegun = (): void => {
        clearTimeout(timer)
        timer = setTimeout(late, timeoutMs).unref()
      }
      // Until a thread has begun, what takes time is the machine, and not the body.
      timer = setTimeout(() => ending.abort(notBegun()), START_TIMEOUT_MS).unref()
      const fromSource = readerOf(source, ending.signal)
      const read: ReadBytes = async (start, endExclusive) => {
        reading += 1
        try {
          return await fromSource(start, endExclusive)
        } finally {
          reading -= 1
        }
      }
      return await Promise.race([work(ending.signal, read, onBegun), isEnded])
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      underWay.delete(ending)
      giveBack?.()
    }
  }
  const byThread = async (
    { source, contentType, policy }: InspectInput,
    read: ReadBytes,
    signal: AbortSignal,
    onBegun: () => void,
  ): Promise<MediaFacts> => {
    const thread = threads.take()
    try {
      const body = {
        sizeBytes: source.sizeBytes,
        contentType,
        limits: limitsOf(policy, contentType),
        maxReadBytes,
      }
      return await thread.look(body, read, signal, onBegun)
    } finally {
      threads.give(thread)
    }
  }

  return {
    get threadCount() {
      return threads.count
    },
    async inspect(input) {
      const { source, contentType, policy, head, signal } = input
      signal?.throwIfAborted()
      if (isClosed) throw closed()
      if (!isLookedAt(contentType, head)) return {}
      const isSmall = source.sizeBytes <= INLINE_BYTES
      const asksSharp = secondOpinion && (await hasSecondOpinion(contentType, source.sizeBytes))
      const limits = limitsOf(policy, contentType)
      const work = async (ending: AbortSignal, read: ReadBytes, onBegun: () => void): Promise<MediaFacts> => {
        if (isSmall) onBegun()
        const facts = isSmall
          ? await look({
              window: createByteWindow(source.sizeBytes, read, { maxReadBytes }),
              contentType,
              limits,
            })
          : await byThread(input, read, ending, onBegun)
        if (asksSharp) await askSharp(await read(0, source.sizeBytes), contentType, facts, limits)
        return facts
      }
      return await bounded(input, work, !isSmall || asksSharp)
    },
    async close() {
      isClosed = true
      for (const ending of underWay) ending.abort(closed())
      await threads.close()
    },
  }
}

function closed(): MediaError {
  return new MediaError('MEDIA_CLOSED', 'the inspector is closed')
}

function notBegun(): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `no thread has begun within ${START_TIMEOUT_MS} ms`, {
    reason: 'inspector-not-started',
    retryAfterMs: BUSY_RETRY_AFTER_MS,
  })
}

function outOfTime(isReading: boolean, timeoutMs: number): MediaError {
  if (!isReading)
    return invalid('inspection-timeout', `the look into the body took more than ${timeoutMs} ms`)
  return new MediaError('MEDIA_TIMEOUT', `the body did not give its bytes within ${timeoutMs} ms`, {
    reason: 'inspection-source-slow',
  })
}
