import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type { DeleteResult, ObjectReader, ObjectStore } from '../contracts/object-store.ts'
import { CIRCUIT_MIN_TIMEOUT_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { systemClock } from '../time/clock.ts'
import { blamedSource, isBackendFailure } from './backend-failure.ts'
import {
  CIRCUIT_OPTIONS,
  type CircuitOptions,
  type CircuitPass,
  type CircuitReport,
  createCircuit,
} from './circuit.ts'
import { decorateStore } from './decorate-store.ts'
import { overParts } from './over-parts.ts'
import { present } from './present.ts'
import { forwarded, rewritten } from './rules.ts'
import { watchedStream } from './watched-stream.ts'

export interface WithCircuitBreakerOptions extends CircuitOptions {
  /** Told when it opens and when it closes, synchronously; what it throws is swallowed. */
  readonly onState?: (report: CircuitReport, store: string) => void
  /** Default: the machine's. */
  readonly clock?: Clock
}

const OPTIONS: OptionNames<WithCircuitBreakerOptions> = { ...CIRCUIT_OPTIONS, onState: true, clock: true }

export interface CircuitBreakerStore extends ObjectStore {
  /** How it stands now. */
  circuit(): CircuitReport
}

/**
 * A store that is left alone for a while after it failed too often: calls are then refused at once as MEDIA_UNAVAILABLE
 * `circuit-open`, with the time after which the next one may try.
 *
 * Only failures of the backend count (MEDIA_UNAVAILABLE, and MEDIA_TIMEOUT where the caller was not the slow one), those
 * of bodies and writers under way too. Absence, refusals, full disks, aborts and sources that break do not.
 * `identity`, staging, the journal and what never asks the backend are let through.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-option`
 */
export function withCircuitBreaker(
  inner: ObjectStore,
  options: WithCircuitBreakerOptions = {},
): CircuitBreakerStore {
  refuseUnknown('withCircuitBreaker', options, OPTIONS)
  const { clock = systemClock, onState } = options
  const report = (): CircuitReport => circuit.report(clock.now())
  const circuit = createCircuit(
    options,
    () => clock.now(),
    () => {
      try {
        onState?.(report(), inner.name)
      } catch {
        // A listener can never fail the call it is told of.
      }
    },
  )

  const enter = (): CircuitPass => {
    const pass = circuit.enter(clock.now())
    if (pass !== undefined) return pass
    const { failures, retryAfterMs } = report()
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `${inner.name}: not asked, because it failed ${failures} times; tried again in ${retryAfterMs} ms`,
      { reason: 'circuit-open', retryAfterMs },
    )
  }
  async function guarded<Result>(
    call: Call | undefined,
    act: () => Promise<Result>,
    {
      judge = (pass) => pass.succeeded(),
      isCallers = () => false,
    }: {
      judge?: (pass: CircuitPass, result: Result) => void
      isCallers?: (error: unknown) => boolean
    } = {},
  ): Promise<Result> {
    const pass = enter()
    const startedMs = clock.now()
    try {
      const result = await act()
      judge(pass, result)
      return result
    } catch (error) {
      const hadMs = clock.now() - startedMs
      if (isCallers(error) || isOfCall(call, error, hadMs)) pass.ignored()
      else judgeError(pass, error)
      throw error
    }
  }
  /** A part of something that was let in before: it is not refused, but counts. */
  async function counted<Result>(act: () => Promise<Result>): Promise<Result> {
    const pass = circuit.enter(clock.now())
    try {
      const result = await act()
      pass?.succeeded()
      return result
    } catch (error) {
      if (pass !== undefined) judgeError(pass, error)
      throw error
    }
  }
  const countedReader = (reader: ObjectReader): ObjectReader => ({
    head: reader.head,
    range: reader.range,
    stream: () =>
      watchedStream(reader.stream(), {
        onError(error) {
          const pass = circuit.enter(clock.now())
          if (pass !== undefined) judgeError(pass, error)
        },
      }),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  })

  const store = decorateStore(inner, {
    name: forwarded,
    traits: forwarded,
    put: rewritten((key, source, put) => {
      const { source: watched, isToBlame: isCallers } = blamedSource(source)
      return guarded(put, () => inner.put(key, watched, put), { isCallers })
    }),
    get: rewritten(async (key, get) => {
      const reader = await guarded(get, () => inner.get(key, get))
      return reader === undefined ? undefined : countedReader(reader)
    }),
    head: rewritten((key, call) => guarded(call, () => inner.head(key, call))),
    delete: rewritten((key, call) => guarded(call, () => inner.delete(key, call))),
    deleteMany: rewritten((keys, call) =>
      guarded(call, () => inner.deleteMany(keys, call), { judge: judgeDeletes }),
    ),
    list: rewritten((list) => guarded(list, () => inner.list(list))),
    close: forwarded,
    open: forwarded,
    identity: forwarded,
    presign: forwarded,
    directParts: rewritten(overParts(inner.directParts, (_, call, work) => guarded(call, work))),
    createWriter: rewritten(async (key, call) => {
      const writer = await guarded(call, () => present(inner.createWriter).call(inner, key, call))
      return {
        write: (chunk) => counted(() => writer.write(chunk)),
        commit: (put) => counted(() => writer.commit(put)),
        abort: () => writer.abort(),
      }
    }),
    sweepUploads: rewritten((options) =>
      guarded(options, () => present(inner.sweepUploads).call(inner, options)),
    ),
    adopt: rewritten((key, filePath, put) =>
      guarded(put, () => present(inner.adopt).call(inner, key, filePath, put)),
    ),
    localPath: forwarded,
    openFile: rewritten(async (key, call) => {
      const file = await guarded(call, () => present(inner.openFile).call(inner, key, call))
      if (file === undefined) return undefined
      return {
        sizeBytes: file.sizeBytes,
        read: (buffer, position) => counted(() => file.read(buffer, position)),
        stamp: () => file.stamp(),
        close: () => file.close(),
      }
    }),
    readNow: forwarded,
    staging: forwarded,
    observe: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: forwarded,
  })
  return Object.assign(store, { circuit: report })
}

function judgeError(pass: CircuitPass, error: unknown): void {
  if (isBackendFailure(error)) pass.failed()
  else pass.ignored()
}

/** The caller ended it: by its signal, or by a deadline so near that it says nothing about the backend. */
function isOfCall(call: Call | undefined, error: unknown, hadMs: number): boolean {
  if (call?.signal?.aborted === true && error === call.signal.reason) return true
  return isMediaError(error, 'MEDIA_TIMEOUT') && hadMs < CIRCUIT_MIN_TIMEOUT_MS
}

/** A batch whose every key the backend failed is a failure; one that it answered in part is an answer. */
function judgeDeletes(pass: CircuitPass, results: readonly DeleteResult[]): void {
  if (results.length > 0 && results.every(({ error }) => isBackendFailure(error))) pass.failed()
  else pass.succeeded()
}
