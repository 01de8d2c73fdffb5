import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type ByteSource, digestOf, MediaError } from '@mediakeep/core'
import { drain } from '../expect.ts'
import { over, readWhole, type StoreMutant, sourceOf, streamOf, without, withReader } from './mutant.ts'

const sizes = ['1', '64KiB-1', '64KiB', '64KiB+1', '1MiB', '5MiB+1'].map((label) => `put.size.${label}`)

/** Ways to lose or mix bytes on the way in. */
export const bodyMutants: readonly StoreMutant[] = [
  {
    id: 'drops-last-byte',
    fault: 'the last byte of each body is lost',
    convictedBy: [...sizes, 'put.source.small-chunks', 'staging.put', 'abort.afterwards'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const bytes =
            source.bytes ??
            (await drain(source.open(options?.signal === undefined ? {} : { signal: options.signal })))
          return store.put(
            key,
            sourceOf(bytes.subarray(0, Math.max(0, bytes.byteLength - 1))),
            without(options, 'checksum'),
          )
        },
      }),
  },
  {
    id: 'refuses-empty',
    fault: 'a body of no bytes is refused',
    convictedBy: ['put.size.0', 'put.overwrite-empty', 'range.empty-object', 'when.absent.empty-object'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          if (source.sizeBytes === 0) throw new MediaError('MEDIA_BAD_INPUT', 'empty')
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'cuts-and-pads',
    fault: 'a body of another length than declared is cut or padded',
    convictedBy: [
      'put.source.shorter',
      'put.source.longer',
      'put.source.empty-but-declared',
      'put.source.bytes-but-declared-empty',
      'put.source.wrong-length-keeps-old',
    ],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          if (source.bytes !== undefined) return store.put(key, source, options)
          const body = new Uint8Array(source.sizeBytes)
          const given = await drain(source.open())
          body.set(given.subarray(0, body.byteLength))
          return store.put(key, sourceOf(body), options)
        },
      }),
  },
  {
    id: 'error-is-end',
    fault: 'a source that errors counts as one that ended',
    convictedBy: ['put.source.late-error', 'put.source.late-error-keeps-old'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const chunks: Uint8Array[] = []
          try {
            for await (const chunk of source.open()) if (chunk instanceof Uint8Array) chunks.push(chunk)
          } catch {
            // Swallowed: what came is taken for all there was.
          }
          return store.put(key, sourceOf(Buffer.concat(chunks)), options)
        },
      }),
  },
  {
    id: 'reads-source-once',
    fault: 'the stream of a source is opened once and shared by all puts of it',
    convictedBy: ['put.source.reopened'],
    break(store) {
      const streams = new WeakMap<ByteSource, Readable>()
      return over(store, {
        put: async (key, source, options) => {
          if (source.bytes !== undefined) return store.put(key, source, options)
          const stream = streams.get(source) ?? source.open()
          streams.set(source, stream)
          const bytes = stream.readableEnded || stream.destroyed ? Buffer.alloc(0) : await drain(stream)
          return store.put(key, sourceOf(bytes), options)
        },
      })
    },
  },
  {
    id: 'leaves-source-open',
    fault: 'the stream of a source is not ended after a put',
    convictedBy: ['put.source.freed', 'abort.during.put', 'deadline.during.put', 'close.ends-puts'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          source.open()
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'keeps-buffer',
    fault: 'the buffer of the caller is kept instead of a copy',
    convictedBy: ['put.snapshot.bytes'],
    break(store) {
      const kept = new Map<string, Uint8Array>()
      return over(store, {
        put: async (key, source, options) => {
          const head = await store.put(key, source, options)
          if (source.bytes !== undefined) kept.set(key, source.bytes)
          return head
        },
        async get(key, options) {
          const reader = await store.get(key, options)
          const bytes = kept.get(key)
          if (reader === undefined || bytes === undefined) return reader
          return withReader(reader, {
            stream: () => (reader.stream().destroy(), streamOf(Uint8Array.from(bytes))),
          })
        },
      })
    },
  },
  {
    id: 'writes-in-place',
    fault: 'a shorter body leaves the tail of the old one',
    convictedBy: ['put.overwrite', 'put.overwrite-empty'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const old = await readWhole(store, key)
          if (old === undefined || source.bytes === undefined) return store.put(key, source, options)
          return store.put(
            key,
            sourceOf(Buffer.concat([source.bytes, old.subarray(source.sizeBytes)])),
            options,
          )
        },
      }),
  },
  {
    id: 'first-put-wins',
    fault: 'a key that exists is taken for stored already',
    convictedBy: [
      'put.overwrite',
      'etag.new-bytes',
      'when.match.right',
      'get.second-store',
      'writer.invisible',
    ],
    break: (store) =>
      over(store, {
        put: async (key, source, options) =>
          (await store.head(key, options)) ?? store.put(key, source, options),
        createWriter: async (key, call) => {
          const writer = await store.createWriter?.(key, call)
          const found = await store.head(key, call)
          if (writer === undefined) throw new Error('unreachable')
          return found === undefined
            ? writer
            : { ...writer, commit: async () => (await writer.abort(), found) }
        },
      }),
  },
  {
    id: 'deletes-then-writes',
    fault: 'the old object is deleted before the new body has come',
    convictedBy: [
      'put.atomic.reader-sees-old',
      'put.atomic.never-mixed',
      'abort.during.put-keeps-old',
      'put.checksum.wrong-keeps-old',
    ],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          await store.delete(key, options)
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'publishes-early',
    fault: 'a body shows under its key while it comes',
    convictedBy: ['put.atomic.invisible', 'put.atomic.reader-sees-old', 'list.under-way', 'abort.during.put'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          if (source.bytes === undefined)
            await store.put(key, sourceOf(Buffer.from('half')), without(options, 'when'))
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'temporary-listed',
    fault: 'the temporary object of a put shows in lists',
    convictedBy: ['list.under-way'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          if (source.bytes !== undefined) return store.put(key, source, options)
          await store.put(`${key}.tmp`, sourceOf(Buffer.from('half')))
          const head = await store.put(key, source, options)
          await store.delete(`${key}.tmp`)
          return head
        },
      }),
  },
  {
    id: 'shares-temporary',
    fault: 'bodies on their way in share one buffer',
    convictedBy: ['put.concurrent.one-key', 'put.concurrent.many-keys', 'when.absent.race'],
    break(store) {
      let shared: Uint8Array[] = []
      return over(store, {
        put: async (key, source, options) => {
          if (source.bytes !== undefined) return store.put(key, source, options)
          shared = []
          for await (const chunk of source.open()) if (chunk instanceof Uint8Array) shared.push(chunk)
          return store.put(key, sourceOf(Buffer.concat(shared)), options)
        },
      })
    },
  },
  {
    id: 'ignores-checksum',
    fault: 'the checksum is not compared',
    convictedBy: ['put.checksum.wrong', 'put.checksum.wrong-keeps-old'],
    break: (store) =>
      over(store, { put: (key, source, options) => store.put(key, source, without(options, 'checksum')) }),
  },
  {
    id: 'checks-after-publish',
    fault: 'the checksum is compared when the object shows already',
    convictedBy: ['put.checksum.wrong', 'put.checksum.wrong-keeps-old'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const head = await store.put(key, source, without(options, 'checksum'))
          const digest =
            options?.checksum === undefined
              ? undefined
              : digestOf((await readWhole(store, key)) ?? Buffer.alloc(0))
          if (digest !== options?.checksum) throw new MediaError('MEDIA_DIGEST_MISMATCH', 'too late')
          return head
        },
      }),
  },
  {
    id: 'checksum-of-first-chunk',
    fault: 'only the first 16 KiB are digested',
    convictedBy: ['put.checksum.right'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          if (options?.checksum === undefined) return store.put(key, source, options)
          const bytes = source.bytes ?? (await drain(source.open()))
          const actual = createHash('sha256')
            .update(bytes.subarray(0, 16 * 1024))
            .digest('hex')
          if (options.checksum !== `sha256:${actual}`)
            throw new MediaError('MEDIA_DIGEST_MISMATCH', 'of a part')
          return store.put(key, source, options)
        },
      }),
  },
  {
    id: 'reads-too-large',
    fault: 'a body that is too large is opened before it is refused',
    convictedBy: ['put.too-large'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          source.open().destroy()
          return store.put(key, source, options)
        },
      }),
  },
]
