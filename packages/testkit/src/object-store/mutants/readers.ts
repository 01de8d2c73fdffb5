import { Readable } from 'node:stream'
import {
  isMediaError,
  MediaError,
  type ObjectHead,
  type ObjectReader,
  type ObjectStore,
} from '@mediakeep/core'
import { drain } from '../expect.ts'
import { over, readWhole, type StoreMutant, streamOf, withReader } from './mutant.ts'

/** The store whose readers are changed. */
function withReaders(
  store: ObjectStore,
  change: (reader: ObjectReader, key: string) => ObjectReader | Promise<ObjectReader>,
): ObjectStore {
  return over(store, {
    async get(key, options) {
      const reader = await store.get(key, options)
      return reader === undefined ? undefined : change(reader, key)
    },
  })
}

/** Ranges that are off. */
export const rangeMutants: readonly StoreMutant[] = [
  {
    id: 'range-end-inclusive',
    fault: 'the end of a range is taken as inclusive',
    convictedBy: ['range.first-byte', 'range.middle', 'range.random'],
    break: (store) =>
      over(store, {
        get: (key, options) =>
          store.get(
            key,
            options?.range === undefined
              ? options
              : {
                  ...options,
                  range: { start: options.range.start, endExclusive: options.range.endExclusive + 1 },
                },
          ),
      }),
  },
  {
    id: 'range-one-short',
    fault: 'the last byte of a range is not given',
    convictedBy: ['range.last-byte', 'range.whole', 'range.past-end', 'range.far-past-end'],
    break: (store) =>
      over(store, {
        async get(key, options) {
          const reader = await store.get(key, options)
          if (reader === undefined || options?.range === undefined) return reader
          const bytes = await drain(reader.stream())
          return withReader(reader, { stream: () => streamOf(bytes.subarray(0, -1)) })
        },
      }),
  },
  {
    id: 'range-not-clamped',
    fault: 'a range past the end is refused',
    convictedBy: ['range.past-end', 'range.far-past-end'],
    break: (store) =>
      over(store, {
        async get(key, options) {
          const head = await store.head(key, options)
          if (
            head !== undefined &&
            options?.range !== undefined &&
            options.range.endExclusive > head.sizeBytes
          )
            throw new MediaError('MEDIA_RANGE', 'past the end')
          return store.get(key, options)
        },
      }),
  },
  {
    id: 'range-past-end-is-whole',
    fault: 'a range that starts past the end gives the whole object',
    convictedBy: ['range.start-at-end', 'range.empty-object', 'range.bad'],
    break: (store) =>
      over(store, {
        async get(key, options) {
          try {
            return await store.get(key, options)
          } catch (error) {
            if (isMediaError(error, 'MEDIA_RANGE') || isMediaError(error, 'MEDIA_BAD_INPUT'))
              return store.get(key)
            throw error
          }
        },
      }),
  },
  {
    id: 'range-of-absent-throws',
    fault: 'a range of an absent key is a failure',
    convictedBy: ['range.absent'],
    break: (store) =>
      over(store, {
        async get(key, options) {
          const reader = await store.get(key, options)
          if (reader === undefined && options?.range !== undefined)
            throw new MediaError('MEDIA_RANGE', 'of nothing')
          return reader
        },
      }),
  },
]

/** Readers that leak, mix or change. */
export const readerMutants: readonly StoreMutant[] = [
  {
    id: 'streams-again',
    fault: 'a second stream() gives an empty stream',
    convictedBy: ['get.stream-once'],
    break: (store) =>
      withReaders(store, (reader) => {
        let given = false
        return withReader(reader, {
          stream() {
            if (given) return streamOf(new Uint8Array(0))
            given = true
            return reader.stream()
          },
        })
      }),
  },
  {
    id: 'streams-after-dispose',
    fault: 'a disposed reader still opens a stream',
    convictedBy: ['get.stream-after-dispose'],
    break: (store, held) =>
      withReaders(store, (reader) => {
        let disposed = false
        return withReader(reader, {
          stream() {
            if (!disposed) return reader.stream()
            held.count += 1
            return streamOf(new Uint8Array(0))
          },
          async [Symbol.asyncDispose]() {
            disposed = true
            await reader[Symbol.asyncDispose]()
          },
        })
      }),
  },
  {
    id: 'leaks-unread',
    fault: 'a reader that nobody read keeps its handle when disposed',
    convictedBy: ['get.dispose.unread', 'abort.listeners'],
    break: (store) =>
      withReaders(store, (reader) => {
        let read = false
        return withReader(reader, {
          stream: () => ((read = true), reader.stream()),
          async [Symbol.asyncDispose]() {
            if (read) await reader[Symbol.asyncDispose]()
          },
        })
      }),
  },
  {
    id: 'leaks-aborted',
    fault: 'a reader whose call was aborted is not freed by dispose',
    convictedBy: ['abort.during.unread'],
    break: (store, held) =>
      over(store, {
        async get(key, options) {
          const reader = await store.get(key, options)
          if (reader === undefined) return undefined
          held.count += 1
          let freed = false
          const free = (): void => {
            if (!freed) held.count -= 1
            freed = true
          }
          return withReader(reader, {
            stream: () => reader.stream().once('close', free),
            async [Symbol.asyncDispose]() {
              await reader[Symbol.asyncDispose]()
              if (options?.signal?.aborted !== true) free()
            },
          })
        },
      }),
  },
  {
    id: 'leaks-stream',
    fault: 'a reader whose stream was opened keeps it when disposed',
    convictedBy: ['get.dispose.stream-untouched'],
    break: (store) =>
      withReaders(store, (reader) => {
        let read = false
        return withReader(reader, {
          stream: () => ((read = true), reader.stream()),
          async [Symbol.asyncDispose]() {
            if (!read) await reader[Symbol.asyncDispose]()
          },
        })
      }),
  },
  {
    id: 'leaks-destroyed',
    fault: 'a stream destroyed before its end keeps its handle',
    convictedBy: ['get.dispose.half-way', 'close.ends-streams', 'abort.during.get'],
    break: (store, held) =>
      withReaders(store, (reader) =>
        withReader(reader, {
          stream() {
            const stream = reader.stream()
            held.count += 1
            stream.once('end', () => {
              held.count -= 1
            })
            return stream
          },
        }),
      ),
  },
  {
    id: 'frees-only-by-dispose',
    fault: 'a stream read to its end keeps its handle until the reader is disposed',
    convictedBy: ['get.dispose.read-to-end'],
    break: (store, held) =>
      withReaders(store, (reader) => {
        held.count += 1
        let disposed = false
        return withReader(reader, {
          async [Symbol.asyncDispose]() {
            if (!disposed) held.count -= 1
            disposed = true
            await reader[Symbol.asyncDispose]()
          },
        })
      }),
  },
  {
    id: 'one-cursor',
    fault: 'readers of one object share a position',
    convictedBy: ['get.two-readers'],
    break(store) {
      const positions = new Map<string, number>()
      return withReaders(store, (reader, key) =>
        withReader(reader, {
          stream() {
            const inner = reader.stream()
            return Readable.from(
              (async function* () {
                let at = 0
                for await (const chunk of inner) {
                  if (!(chunk instanceof Uint8Array)) continue
                  const position = positions.get(key) ?? 0
                  at += chunk.byteLength
                  if (at <= position) continue
                  positions.set(key, at)
                  yield chunk
                }
                positions.delete(key)
              })(),
              { objectMode: false },
            )
          },
        }),
      )
    },
  },
  {
    id: 'reads-late',
    fault: 'the object is looked up again when its stream is opened',
    convictedBy: ['get.survives-delete', 'get.survives-replace'],
    break: (store) =>
      withReaders(store, async (reader, key) => {
        const old = reader
        return withReader(old, {
          stream() {
            old.stream().destroy()
            return Readable.from(
              (async function* () {
                const bytes = await readWhole(store, key)
                if (bytes === undefined) throw new MediaError('MEDIA_UNAVAILABLE', 'gone')
                yield bytes
              })(),
              { objectMode: false },
            )
          },
        })
      }),
  },
  {
    id: 'gives-own-bytes',
    fault: 'streams give the stored bytes themselves, not a copy',
    convictedBy: ['get.mutated-chunk'],
    break: (store, _held, volume) =>
      withReaders(store, (reader, key) => {
        const stored = volume.find(key)?.bytes ?? new Uint8Array(0)
        return withReader(reader, {
          stream: () => (
            reader.stream().destroy(),
            Readable.from([stored.subarray(reader.range.start, reader.range.endExclusive)])
          ),
        })
      }),
  },
  {
    id: 'ignores-back-pressure',
    fault: 'a stream pushes all it has whether anybody reads',
    convictedBy: ['get.paused'],
    break: (store, _held, volume) =>
      withReaders(store, (reader, key) => {
        const stored = volume.find(key)?.bytes ?? new Uint8Array(0)
        return withReader(reader, {
          stream() {
            reader.stream().destroy()
            const stream = new Readable({ read() {} })
            stream.push(Uint8Array.from(stored))
            stream.push(null)
            return stream
          },
        })
      }),
  },
  {
    id: 'caches-heads',
    fault: 'a head that was told once is told for ever',
    convictedBy: ['get.second-store', 'delete.removes', 'put.overwrite-empty'],
    break(store) {
      const heads = new Map<string, ObjectHead>()
      return over(store, {
        async head(key, call) {
          const head = heads.get(key) ?? (await store.head(key, call))
          if (head !== undefined) heads.set(key, head)
          return head
        },
        async put(key, source, options) {
          const head = await store.put(key, source, options)
          if (!heads.has(key)) heads.set(key, head)
          return head
        },
        async delete(key, call) {
          await store.delete(key, call)
        },
      })
    },
  },
]
