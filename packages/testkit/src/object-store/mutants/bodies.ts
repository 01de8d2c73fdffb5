import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type ByteSource, digestOf, isMediaError, MediaError, type PutObjectOptions } from '@mediakeep/core'
import { drain } from '../expect.ts'
import { over, readWhole, type StoreMutant, sourceOf, streamOf, withHeads, withReader } from './mutant.ts'

const sizes = ['1', '64KiB-1', '64KiB', '64KiB+1', '1MiB', '5MiB+1'].map((label) => `put.size.${label}`)

/** Options without those that the mutant has seen to itself. */
function without<Key extends keyof PutObjectOptions>(
  options: PutObjectOptions | undefined,
  key: Key,
): Omit<PutObjectOptions, Key> {
  const { [key]: _dropped, ...rest } = options ?? {}
  return rest
}

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

const quoted = (etag: string): string => `"${etag}"`

/** Heads that tell what is not so. */
export const headMutants: readonly StoreMutant[] = [
  {
    id: 'traits-shrink',
    fault: 'the traits follow the room that is left',
    convictedBy: ['traits.sane'],
    break: (store, _held, volume) => ({
      ...store,
      get traits() {
        return { ...store.traits, maxObjectBytes: store.traits.maxObjectBytes - volume.usedBytes }
      },
    }),
  },
  {
    id: 'open-wipes',
    fault: 'opening removes what an earlier session left, and all else',
    convictedBy: ['open.again'],
    break: (store) =>
      over(store, {
        async open() {
          const page = await store.list()
          await store.deleteMany(page.objects.map((object) => object.key))
        },
      }),
  },
  {
    id: 'list-tells-other-etag',
    fault: 'list() tells another etag than head()',
    convictedBy: ['head.same-everywhere'],
    break: (store) =>
      over(store, {
        async list(options) {
          const page = await store.list(options)
          return { ...page, objects: page.objects.map((head) => ({ ...head, etag: `${head.etag}-1` })) }
        },
      }),
  },
  {
    id: 'prefix-is-found',
    fault: 'a key is found by its beginning',
    convictedBy: ['head.absent', 'get.absent', 'file.absent'],
    break(store) {
      const find = async (key: string): Promise<string> => {
        if ((await store.head(key)) !== undefined) return key
        const page = await store.list({ prefix: key, limit: 1 })
        return page.objects[0]?.key ?? key
      }
      return over(store, {
        head: async (key, call) => store.head(await find(key), call),
        get: async (key, options) => store.get(await find(key), options),
        openFile: async (key, call) => store.openFile?.(await find(key), call),
      })
    },
  },
  {
    id: 'modified-in-seconds',
    fault: 'modifiedAt is made of seconds instead of milliseconds',
    convictedBy: ['head.modified-at'],
    break: (store) =>
      withHeads(store, (head) => ({ ...head, modifiedAt: new Date(head.modifiedAt.getTime() / 1000) })),
  },
  {
    id: 'etag-quoted',
    fault: 'the etag is told with quotes',
    convictedBy: ['etag.form'],
    break: (store) => withHeads(store, (head) => ({ ...head, etag: quoted(head.etag) })),
  },
  {
    id: 'etag-of-size',
    fault: 'the etag is made of the size',
    convictedBy: ['etag.new-bytes', 'etag.same-bytes', 'etag.after-delete'],
    break: (store) => withHeads(store, (head) => ({ ...head, etag: `s${head.sizeBytes}` })),
  },
  {
    id: 'etag-per-answer',
    fault: 'each answer tells a new etag',
    convictedBy: ['etag.stable', 'when.match.right', 'adopt.takes-over'],
    local: true,
    break(store) {
      let answers = 0
      const fresh = withHeads(store, (head) => ({ ...head, etag: `${head.etag}-${answers++}` }))
      return over(fresh, {
        adopt: async (key, path, options) => ({
          ...(await (store.adopt?.(key, path, options) ?? Promise.reject(new Error('no adopt')))),
          etag: `a${answers++}`,
        }),
      })
    },
  },
  {
    id: 'drops-content-type',
    fault: 'the content type is not stored',
    convictedBy: ['metadata.round-trip'],
    break: (store) =>
      over(store, { put: (key, source, options) => store.put(key, source, without(options, 'contentType')) }),
  },
  {
    id: 'metadata-as-latin1',
    fault: 'metadata goes through a header without being encoded',
    convictedBy: ['metadata.unicode'],
    break: (store) =>
      withHeads(store, (head) => {
        if (head.metadata === undefined) return head
        const mangled: Record<string, string> = {}
        for (const [name, value] of Object.entries(head.metadata))
          mangled[name] = Buffer.from(value, 'latin1').toString('latin1')
        return { ...head, metadata: mangled }
      }),
  },
  {
    id: 'merges-metadata',
    fault: 'metadata of the object replaced stays',
    convictedBy: ['metadata.replaced'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const old = await store.head(key)
          return store.put(key, source, { ...options, metadata: { ...old?.metadata, ...options?.metadata } })
        },
      }),
  },
  {
    id: 'keeps-metadata-object',
    fault: 'the metadata object of the caller is kept instead of a copy',
    convictedBy: ['metadata.snapshot'],
    break(store) {
      const kept = new Map<string, Readonly<Record<string, string>>>()
      const keeping = over(store, {
        put: async (key, source, options) => {
          if (options?.metadata !== undefined) kept.set(key, options.metadata)
          return store.put(key, source, options)
        },
      })
      return withHeads(keeping, (head) => {
        const metadata = kept.get(head.key)
        return metadata === undefined ? head : { ...head, metadata }
      })
    },
  },
]

/** Conditions that do not condition. */
export const conditionMutants: readonly StoreMutant[] = [
  {
    id: 'ignores-conditions',
    fault: 'when is not looked at',
    convictedBy: ['when.absent.taken', 'when.match.stale', 'when.match.absent'],
    break: (store) =>
      over(store, { put: (key, source, options) => store.put(key, source, without(options, 'when')) }),
  },
  {
    id: 'checks-then-writes',
    fault: 'the condition is checked before the body comes, not when it is stored',
    convictedBy: [
      'when.absent.race',
      'when.absent.race-of-two-stores',
      'when.absent.slow-loser',
      'when.match.race',
      'when.match.slow-loser',
    ],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const found = await store.head(key, options)
          const { when } = options ?? {}
          const ok =
            when === undefined || (when.type === 'absent' ? found === undefined : found?.etag === when.etag)
          if (!ok) throw new MediaError('MEDIA_PRECONDITION', 'checked early')
          return store.put(key, source, without(options, 'when'))
        },
      }),
  },
  {
    id: 'empty-is-absent',
    fault: 'an empty object counts as absent for conditions',
    convictedBy: ['when.absent.empty-object'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const found = await store.head(key, options)
          return store.put(key, source, found?.sizeBytes === 0 ? without(options, 'when') : options)
        },
      }),
  },
  {
    id: 'tombstones',
    fault: 'a key that was deleted is never free again',
    convictedBy: ['when.absent.free', 'delete.then-put'],
    break(store) {
      const dead = new Set<string>()
      return over(store, {
        delete: async (key, call) => {
          await store.delete(key, call)
          dead.add(key)
        },
        put: async (key, source, options) => {
          if (dead.has(key)) throw new MediaError('MEDIA_PRECONDITION', 'there was one')
          return store.put(key, source, options)
        },
      })
    },
  },
  {
    id: 'match-with-quotes',
    fault: 'the etag of the condition is compared with quotes around it',
    convictedBy: ['when.match.right'],
    break: (store) =>
      over(store, {
        put: (key, source, options) =>
          store.put(
            key,
            source,
            options?.when?.type === 'match'
              ? { ...options, when: { type: 'match', etag: quoted(options.when.etag) } }
              : options,
          ),
      }),
  },
  {
    id: 'loser-succeeds',
    fault: 'losing a race is told as a success',
    convictedBy: ['when.absent.race', 'when.absent.taken', 'when.match.race'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          try {
            return await store.put(key, source, options)
          } catch (error) {
            const found = await store.head(key)
            if (isMediaError(error, 'MEDIA_PRECONDITION') && found !== undefined) return found
            throw error
          }
        },
      }),
  },
]
