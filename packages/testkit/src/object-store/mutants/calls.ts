import { type Call, isMediaError, MediaError, type ObjectStore, type PutObjectOptions } from '@mediakeep/core'
import { over, type StoreMutant, sourceOf, withCalls } from './mutant.ts'

const members = ['put', 'get', 'head', 'delete', 'delete-many', 'list']

function withoutSignal<Options extends Call>(options: Options | undefined): Options | undefined {
  return options === undefined ? undefined : Object.assign({}, options, { signal: undefined })
}

function withoutDeadline<Options extends Call>(options: Options | undefined): Options | undefined {
  return options === undefined ? undefined : Object.assign({}, options, { deadlineAt: undefined })
}

/** Every member run through `run`, which sees its options. */
function around(
  store: ObjectStore,
  run: <Result>(call: Call | undefined, act: () => Promise<Result>) => Promise<Result>,
): ObjectStore {
  return over(store, {
    put: (key, source, options) => run(options, () => store.put(key, source, options)),
    get: (key, options) => run(options, () => store.get(key, options)),
    head: (key, call) => run(call, () => store.head(key, call)),
    delete: (key, call) => run(call, () => store.delete(key, call)),
    deleteMany: (keys, call) => run(call, () => store.deleteMany(keys, call)),
    list: (options) => run(options, () => store.list(options)),
  })
}

/** Signals and deadlines that are not kept. */
export const callMutants: readonly StoreMutant[] = [
  {
    id: 'ignores-signal',
    fault: 'the signal is not looked at',
    convictedBy: [
      ...members.map((member) => `abort.before.${member}`),
      'abort.during.put',
      'abort.during.put-keeps-old',
      'abort.during.get',
      'writer.signal',
    ],
    break: (store) => withCalls(store, withoutSignal),
  },
  {
    id: 'ignores-deadline',
    fault: 'the deadline is not looked at',
    convictedBy: [...members.map((member) => `deadline.before.${member}`), 'deadline.during.put'],
    break: (store) => withCalls(store, withoutDeadline),
  },
  {
    id: 'checks-at-the-door-only',
    fault: 'signal and deadline are looked at before the call and never again',
    convictedBy: ['abort.during.put', 'abort.during.get', 'deadline.during.put'],
    break: (store) =>
      withCalls(store, (options) => {
        options?.signal?.throwIfAborted()
        return withoutDeadline(withoutSignal(options))
      }),
  },
  {
    id: 'wraps-reason',
    fault: 'the reason of an abort is wrapped into an error of the store',
    convictedBy: ['abort.before.put', 'abort.before.get', 'abort.during.put'],
    break: (store) =>
      around(store, async (call, act) => {
        try {
          return await act()
        } catch (cause) {
          if (call?.signal?.aborted === true) throw new MediaError('MEDIA_UNAVAILABLE', 'aborted', { cause })
          throw cause
        }
      }),
  },
  {
    id: 'late-abort-undoes',
    fault: 'an abort after the put takes the object away',
    convictedBy: ['abort.afterwards', 'abort.listeners'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          const head = await store.put(key, source, options)
          options?.signal?.addEventListener('abort', () => void store.delete(key), { once: true })
          return head
        },
      }),
  },
  {
    id: 'timer-overflows',
    fault: 'the deadline is one timer, which fires at once when it is far',
    convictedBy: ['deadline.far'],
    break: (store) =>
      over(store, {
        async get(key, options) {
          const reader = await store.get(key, options)
          if (reader === undefined || options?.deadlineAt === undefined) return reader
          const { deadlineAt } = options
          return {
            head: reader.head,
            range: reader.range,
            stream() {
              const stream = reader.stream()
              const waitMs = Math.min(deadlineAt.getTime() - Date.now(), 2 ** 31) > 2 ** 31 - 1 ? 1 : 1_000
              const timer = setTimeout(() => stream.destroy(new MediaError('MEDIA_TIMEOUT', 'late')), waitMs)
              stream.once('close', () => clearTimeout(timer))
              return stream
            },
            [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
          }
        },
      }),
  },
]

/** Stores that do not close, or close too much, and failures told as answers. */
export const closeMutants: readonly StoreMutant[] = [
  {
    id: 'closed-is-absent',
    fault: 'a closed store answers "absent"',
    convictedBy: ['close.then-calls', 'close.dispose'],
    break: (store) =>
      over(store, {
        head: (key, call) => store.head(key, call).catch(closedAsAbsent),
        get: (key, options) => store.get(key, options).catch(closedAsAbsent),
      }),
  },
  {
    id: 'closes-once',
    fault: 'a second close() fails',
    convictedBy: ['close.idempotent'],
    break(store) {
      let closed = false
      return over(store, {
        async close() {
          if (closed) throw new MediaError('MEDIA_CLOSED', 'closed already')
          closed = true
          await store.close()
        },
      })
    },
  },
  {
    id: 'dispose-does-nothing',
    fault: 'asyncDispose does not close',
    convictedBy: ['close.dispose'],
    break: (store) => over(store, { [Symbol.asyncDispose]: async () => {} }),
  },
  {
    id: 'closes-later',
    fault: 'close() lets streams and puts under way go on',
    convictedBy: ['close.ends-streams', 'close.ends-puts'],
    break(store) {
      let closed = false
      const guarded = around(store, async (_call, act) => {
        if (closed) throw new MediaError('MEDIA_CLOSED', 'closed')
        return act()
      })
      return over(guarded, {
        async close() {
          closed = true
        },
        async [Symbol.asyncDispose]() {
          closed = true
        },
      })
    },
  },
  {
    id: 'close-keeps-half',
    fault: 'a put ended by close() leaves what had come',
    convictedBy: ['close.ends-puts-unseen'],
    break: (store, _held, volume) =>
      over(store, {
        async put(key, source, options) {
          try {
            return await store.put(key, source, options)
          } catch (error) {
            if (isMediaError(error, 'MEDIA_CLOSED')) {
              volume.reserve(4)
              volume.publish(key, Buffer.from('half'), {})
            }
            throw error
          }
        },
      }),
  },
  {
    id: 'close-wipes',
    fault: 'close() removes what the store has put, for others too',
    convictedBy: ['close.only-itself'],
    break(store) {
      const close = async (): Promise<void> => {
        const page = await store.list().catch(() => ({ objects: [] }))
        if (page.objects.length > 0) await store.deleteMany(page.objects.map((object) => object.key))
        await store.close()
      }
      return over(store, { close, [Symbol.asyncDispose]: close })
    },
  },
  {
    id: 'failure-is-absence',
    fault: 'a backend that fails is told as "absent"',
    convictedBy: ['outage.never-absent'],
    break: (store) => over(store, { head: (key, call) => store.head(key, call).catch(unavailableAsAbsent) }),
  },
  {
    id: 'room-not-given-back',
    fault: 'a refused body keeps its room',
    convictedBy: ['put.source.shorter', 'abort.during.put'],
    break: (store, _held, volume) =>
      over(store, {
        async put(key, source, options: PutObjectOptions = {}) {
          try {
            return await store.put(key, source, options)
          } catch (error) {
            volume.reserve(1)
            throw error
          }
        },
      }),
  },
  {
    id: 'wrong-length-is-unavailable',
    fault: 'a wrong length is told as a failure of the backend, which callers try again',
    convictedBy: ['put.source.shorter', 'put.source.longer'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          if (source.bytes === undefined) return store.put(key, source, options).catch(asUnavailable)
          return store.put(key, sourceOf(source.bytes), options)
        },
      }),
  },
]

function closedAsAbsent(error: unknown): undefined {
  if (isMediaError(error, 'MEDIA_CLOSED')) return undefined
  throw error
}

function unavailableAsAbsent(error: unknown): undefined {
  if (isMediaError(error, 'MEDIA_UNAVAILABLE')) return undefined
  throw error
}

function asUnavailable(cause: unknown): never {
  if (isMediaError(cause, 'MEDIA_BAD_INPUT')) throw new MediaError('MEDIA_UNAVAILABLE', 'failed', { cause })
  throw cause
}
