import { setMaxListeners } from 'node:events'
import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { BUSY_RETRY_AFTER_MS, LIMIT_MAX_QUEUED } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { type CallScope, openCallScope } from '../time/call-scope.ts'
import { systemClock } from '../time/clock.ts'
import { decorateStore } from './decorate-store.ts'
import { heldReader } from './held-reader.ts'
import { overParts } from './over-parts.ts'
import { present } from './present.ts'
import { forwarded, rewritten } from './rules.ts'
import { createSlots } from './slots.ts'

export interface WithLimitOptions {
  /** Calls that may be under way at once. */
  readonly maxConcurrent: number
  /** Calls that may wait for that; more are MEDIA_BUSY `too-many-calls`. Default 1,024. */
  readonly maxQueued?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

const OPTIONS: OptionNames<WithLimitOptions> = { maxConcurrent: true, maxQueued: true, clock: true }

export interface LimitedStore extends ObjectStore {
  /** Calls under way and calls that wait, now. */
  load(): { readonly underWay: number; readonly waiting: number }
}

/**
 * A store that is asked so many things at once and no more; the others wait in the order they came.
 *
 * A call holds its place until it is over: a reader until its body is read to the end or it is disposed, a writer until
 * `commit` or `abort`, a file until `close`. Who waits leaves the line when its signal or deadline ends it, or the store
 * is closed. A caller that keeps one reader open to ask for the next needs a limit above what it keeps open.
 * Staging, the journal and reads that never wait (`readNow`) are not counted.
 * @throws MediaError MEDIA_BAD_INPUT `bad-limit` `unknown-option`
 */
export function withLimit(inner: ObjectStore, options: WithLimitOptions): LimitedStore {
  refuseUnknown('withLimit', options, OPTIONS)
  const { maxConcurrent, maxQueued = LIMIT_MAX_QUEUED, clock = systemClock } = options
  if (!Number.isInteger(maxConcurrent) || maxConcurrent < 1 || !(maxQueued >= 0)) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `${inner.name}: maxConcurrent is 1 or more, maxQueued 0 or more`,
      {
        reason: 'bad-limit',
      },
    )
  }
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one per call under way
  const slots = createSlots({
    maxTaken: maxConcurrent,
    maxWaiting: maxQueued,
    onFull: () =>
      new MediaError('MEDIA_BUSY', `${inner.name}: ${maxConcurrent} calls are under way, ${maxQueued} wait`, {
        reason: 'too-many-calls',
        retryAfterMs: BUSY_RETRY_AFTER_MS,
      }),
  })

  /** Waits for a place and acts. `leave` ends the call; what is not kept by the answer ends with it. */
  async function enter<Result>(
    call: Call | undefined,
    act: (
      leave: () => void,
      scope: CallScope,
    ) => Promise<{ readonly result: Result; readonly keeps: boolean }>,
  ): Promise<Result> {
    const scope = openCallScope(call, clock, closing.signal)
    let leave = scope.release
    try {
      const giveBack = await slots.take(scope.signal)
      leave = () => {
        giveBack()
        scope.release()
      }
      const { result, keeps } = await act(leave, scope)
      if (!keeps) leave()
      return result
    } catch (error) {
      leave()
      throw error
    }
  }
  const limited = <Result>(call: Call | undefined, act: () => Promise<Result>): Promise<Result> =>
    enter(call, async () => ({ result: await act(), keeps: false }))

  async function close(): Promise<void> {
    closing.abort(new MediaError('MEDIA_CLOSED', `${inner.name}: the store is closed`))
    await inner.close()
  }

  const store = decorateStore(inner, {
    name: forwarded,
    traits: forwarded,
    put: rewritten((key, source, put) => limited(put, () => inner.put(key, source, put))),
    get: rewritten((key, get) =>
      enter(get, async (leave, { signal }) => {
        const reader = await inner.get(key, get)
        if (reader === undefined) return { result: undefined, keeps: false }
        return { result: heldReader(reader, signal, leave), keeps: true }
      }),
    ),
    head: rewritten((key, call) => limited(call, () => inner.head(key, call))),
    delete: rewritten((key, call) => limited(call, () => inner.delete(key, call))),
    deleteMany: rewritten((keys, call) => limited(call, () => inner.deleteMany(keys, call))),
    list: rewritten((list) => limited(list, () => inner.list(list))),
    close: rewritten(close),
    open: forwarded,
    identity: forwarded,
    presign: forwarded,
    directParts: rewritten(overParts(inner.directParts, (_, call, work) => limited(call, work))),
    createWriter: rewritten((key, call) =>
      enter(call, async (leave, { signal }) => {
        const writer = await present(inner.createWriter).call(inner, key, call)
        signal.addEventListener('abort', leave, { once: true })
        const end = async <Result>(act: () => Promise<Result>): Promise<Result> => {
          try {
            return await act()
          } finally {
            signal.removeEventListener('abort', leave)
            leave()
          }
        }
        return {
          result: {
            write: (chunk) => writer.write(chunk),
            commit: (put) => end(() => writer.commit(put)),
            abort: () => end(() => writer.abort()),
          },
          keeps: true,
        }
      }),
    ),
    sweepUploads: rewritten((options) =>
      limited(options, () => present(inner.sweepUploads).call(inner, options)),
    ),
    adopt: rewritten((key, filePath, put) =>
      limited(put, () => present(inner.adopt).call(inner, key, filePath, put)),
    ),
    localPath: forwarded,
    openFile: rewritten((key, call) =>
      enter(call, async (leave) => {
        const file = await present(inner.openFile).call(inner, key, call)
        if (file === undefined) return { result: undefined, keeps: false }
        return {
          result: {
            sizeBytes: file.sizeBytes,
            read: (buffer, position) => file.read(buffer, position),
            stamp: () => file.stamp(),
            async close() {
              try {
                await file.close()
              } finally {
                leave()
              }
            },
          },
          keeps: true,
        }
      }),
    ),
    readNow: forwarded,
    staging: forwarded,
    observe: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: rewritten(close),
  })
  return Object.assign(store, { load: () => ({ underWay: slots.taken, waiting: slots.waiting }) })
}
