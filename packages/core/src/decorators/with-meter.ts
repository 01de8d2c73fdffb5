import type { ByteSource } from '../contracts/bytes.ts'
import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type { AttemptClass, ObjectStore, StoreAttempt } from '../contracts/object-store.ts'
import { MEDIA_ERRORS } from '../errors/codes.ts'
import { isMediaError } from '../errors/media-error.ts'
import { type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { systemClock } from '../time/clock.ts'
import { decorateStore } from './decorate-store.ts'
import { overParts } from './over-parts.ts'
import { present } from './present.ts'
import { added, forwarded, rewritten } from './rules.ts'
import { watchedStream } from './watched-stream.ts'

export interface WithMeterOptions {
  /** Told of every attempt from the start until the store is closed, as a listener of `observe`. */
  readonly onAttempt?: (attempt: StoreAttempt) => void
  /** Default: the machine's. */
  readonly clock?: Clock
}

const OPTIONS: OptionNames<WithMeterOptions> = { onAttempt: true, clock: true }

/** One call, told of when it is over. */
interface Attempt {
  bytes: number
  /** Tells it, once. */
  end(outcome: { readonly status: number | undefined }): void
}

/**
 * A store that tells of every attempt. Where the inner store does so itself, it is heard and nothing is counted twice.
 * Else each call is one attempt, with the bytes that really passed: of a body that broke off, those before.
 * Retries and pages inside the inner store cannot be seen from here.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-option`
 */
export function withMeter(inner: ObjectStore, options: WithMeterOptions = {}): ObjectStore {
  refuseUnknown('withMeter', options, OPTIONS)
  const { onAttempt, clock = systemClock } = options
  const listeners = new Set<(attempt: StoreAttempt) => void>()
  const observe = (listener: (attempt: StoreAttempt) => void): (() => void) => {
    const own = (attempt: StoreAttempt): void => listener(attempt) // the same listener may be added twice
    listeners.add(own)
    return () => void listeners.delete(own)
  }
  const isTold = inner.observe !== undefined
  const stop = onAttempt === undefined ? undefined : (inner.observe?.bind(inner) ?? observe)(onAttempt)

  function begin(kind: AttemptClass, call: Call | undefined): Attempt {
    const startedMs = clock.now()
    const cause = call?.context?.cause ?? (isRead(kind) ? 'read' : 'write')
    let isOver = false
    return {
      bytes: 0,
      end({ status }) {
        if (isOver) return
        isOver = true
        tell({
          class: kind,
          cause,
          bytes: this.bytes,
          durationMs: Math.max(clock.now() - startedMs, 0),
          ...(status === undefined ? {} : { status }),
        })
      },
    }
  }
  function tell(attempt: StoreAttempt): void {
    for (const listener of [...listeners]) {
      try {
        listener(attempt)
      } catch {
        // A listener can never fail the call it is told of.
      }
    }
  }
  async function metered<Result>(
    kind: AttemptClass,
    call: Call | undefined,
    act: (attempt: Attempt) => Promise<Result>,
    statusOf: (result: Result) => number = () => 200,
  ): Promise<Result> {
    const attempt = begin(kind, call)
    try {
      const result = await act(attempt)
      attempt.end({ status: statusOf(result) })
      return result
    } catch (error) {
      attempt.end({ status: answeredStatus(error) })
      throw error
    }
  }
  async function close(): Promise<void> {
    await inner.close()
    stop?.()
  }

  if (isTold) {
    return decorateStore(inner, {
      ...EVERYTHING_FORWARDED,
      close: rewritten(close),
      [Symbol.asyncDispose]: rewritten(close),
    })
  }
  return decorateStore(inner, {
    ...EVERYTHING_FORWARDED,
    put: rewritten((key, source, put) =>
      metered('put', put, async (attempt) => {
        let isOpened = false
        const counted: ByteSource = {
          sizeBytes: source.sizeBytes,
          ...(source.digest === undefined ? {} : { digest: source.digest }),
          ...(source.bytes === undefined ? {} : { bytes: source.bytes }),
          open(open) {
            isOpened = true
            return watchedStream(source.open(open), { onBytes: (bytes) => (attempt.bytes += bytes) })
          },
        }
        const head = await inner.put(key, counted, put)
        if (!isOpened) attempt.bytes = head.sizeBytes
        return head
      }),
    ),
    get: rewritten(async (key, get) => {
      const attempt = begin('get', get)
      try {
        const reader = await inner.get(key, get)
        if (reader === undefined) {
          attempt.end({ status: 404 })
          return undefined
        }
        const status = get?.range === undefined ? 200 : 206
        return {
          head: reader.head,
          range: reader.range,
          stream: () =>
            watchedStream(reader.stream(), {
              onBytes: (bytes) => (attempt.bytes += bytes),
              onClose: () => attempt.end({ status }),
            }),
          async [Symbol.asyncDispose]() {
            try {
              await reader[Symbol.asyncDispose]()
            } finally {
              attempt.end({ status })
            }
          },
        }
      } catch (error) {
        attempt.end({ status: answeredStatus(error) })
        throw error
      }
    }),
    head: rewritten((key, call) => metered('head', call, () => inner.head(key, call), foundStatus)),
    delete: rewritten((key, call) => metered('delete', call, () => inner.delete(key, call))),
    deleteMany: rewritten((keys, call) => metered('delete', call, () => inner.deleteMany(keys, call))),
    list: rewritten((list) => metered('list', list, () => inner.list(list))),
    close: rewritten(close),
    directParts: rewritten(
      overParts(inner.directParts, (act, call, work) => metered(CLASS_OF[act], call, work)),
    ),
    createWriter: rewritten(async (key, call) => {
      const attempt = begin('put', call)
      const writer = await present(inner.createWriter)
        .call(inner, key, call)
        .catch((error: unknown) => {
          attempt.end({ status: answeredStatus(error) })
          throw error
        })
      const ends = async <Result>(
        act: () => Promise<Result>,
        status: number | undefined,
      ): Promise<Result> => {
        try {
          const result = await act()
          attempt.end({ status })
          return result
        } catch (error) {
          attempt.end({ status: answeredStatus(error) })
          throw error
        }
      }
      return {
        async write(chunk) {
          await writer.write(chunk)
          attempt.bytes += chunk.byteLength
        },
        commit: (put) => ends(() => writer.commit(put), 200),
        abort: () => ends(() => writer.abort(), undefined),
      }
    }),
    sweepUploads: rewritten((sweep) =>
      metered('list', sweep, () => present(inner.sweepUploads).call(inner, sweep)),
    ),
    adopt: rewritten((key, filePath, put) =>
      metered('put', put, async (attempt) => {
        const head = await present(inner.adopt).call(inner, key, filePath, put)
        attempt.bytes = head.sizeBytes
        return head
      }),
    ),
    openFile: rewritten(async (key, call) => {
      const attempt = begin('get', call)
      try {
        const file = await present(inner.openFile).call(inner, key, call)
        if (file === undefined) {
          attempt.end({ status: 404 })
          return undefined
        }
        return {
          sizeBytes: file.sizeBytes,
          async read(buffer, position) {
            const bytes = await file.read(buffer, position)
            attempt.bytes += bytes
            return bytes
          },
          stamp: () => file.stamp(),
          async close() {
            try {
              await file.close()
            } finally {
              attempt.end({ status: 206 })
            }
          },
        }
      } catch (error) {
        attempt.end({ status: answeredStatus(error) })
        throw error
      }
    }),
    readNow: rewritten((key, buffer, position) => {
      const attempt = begin('get', undefined)
      const stamp = present(inner.readNow).call(inner, key, buffer, position)
      attempt.bytes = buffer.byteLength
      if (stamp !== undefined) attempt.end({ status: 206 })
      return stamp
    }),
    observe: added(observe),
    [Symbol.asyncDispose]: rewritten(close),
  })
}

/** The parts themselves are sent by others: no call here is one of them. */
const CLASS_OF = { begin: 'multipart', complete: 'multipart', list: 'list', abort: 'abort' } as const

const EVERYTHING_FORWARDED = {
  name: forwarded,
  traits: forwarded,
  put: forwarded,
  get: forwarded,
  head: forwarded,
  delete: forwarded,
  deleteMany: forwarded,
  list: forwarded,
  close: forwarded,
  open: forwarded,
  identity: forwarded,
  presign: forwarded,
  directParts: forwarded,
  createWriter: forwarded,
  sweepUploads: forwarded,
  adopt: forwarded,
  localPath: forwarded,
  openFile: forwarded,
  readNow: forwarded,
  staging: forwarded,
  observe: forwarded,
  journal: forwarded,
  [Symbol.asyncDispose]: forwarded,
} as const

function isRead(kind: AttemptClass): boolean {
  return kind === 'get' || kind === 'head' || kind === 'list'
}

function foundStatus(head: unknown): number {
  return head === undefined ? 404 : 200
}

/** The status of a refusal that the backend itself has made; none where it did not answer. */
function answeredStatus(error: unknown): number | undefined {
  if (!isMediaError(error)) return undefined
  const { status } = MEDIA_ERRORS[error.code]
  return status < 500 && error.code !== 'MEDIA_TIMEOUT' ? status : undefined
}
