import {
  MediaError,
  newId,
  type ObjectFile,
  type ObjectStore,
  type ObjectWriter,
  type StagedBody,
  type Staging,
  type StagingWriter,
} from '@mediakeep/core'
import { over, present, type StoreMutant, sourceOf, streamOf } from './mutant.ts'

type WriterChange = (writer: ObjectWriter, key: string) => Partial<ObjectWriter>

function withWriters(store: ObjectStore, change: WriterChange): ObjectStore {
  return over(store, {
    async createWriter(key, call) {
      const writer = await present(store.createWriter)(key, call)
      return { ...writer, ...change(writer, key) }
    },
  })
}

function withFiles(
  store: ObjectStore,
  change: (file: ObjectFile, key: string) => Partial<ObjectFile>,
): ObjectStore {
  return over(store, {
    async openFile(key, call) {
      const file = await present(store.openFile)(key, call)
      return file === undefined ? undefined : { ...file, ...change(file, key) }
    },
  })
}

export function withStaging(store: ObjectStore, change: (staging: Staging) => Partial<Staging>): ObjectStore {
  const inner = present(store.staging)
  const staging: Staging = {
    get usedBytes() {
      return inner.usedBytes
    },
    budgetBytes: inner.budgetBytes,
    create: (options) => inner.create(options),
    sweep: (keep) => inner.sweep(keep),
    ...(inner.partials === undefined ? {} : { partials: inner.partials }),
  }
  return over(store, {
    staging: Object.defineProperties(staging, Object.getOwnPropertyDescriptors(change(inner))),
  })
}

function withStagingWriters(
  store: ObjectStore,
  change: (writer: StagingWriter, name: string) => Partial<StagingWriter>,
): ObjectStore {
  return withStaging(store, (inner) => ({
    async create(options) {
      const writer = await inner.create(options)
      return { ...writer, ...change(writer, options.name) }
    },
  }))
}

/** Writers of unknown length. */
export const writerMutants: readonly StoreMutant[] = [
  {
    id: 'writer-drops-last-chunk',
    fault: 'the chunk written last is not committed',
    convictedBy: ['writer.commit', 'writer.abort-after-commit'],
    break: (store) =>
      withWriters(store, (writer) => {
        let waiting: Uint8Array | undefined
        return {
          async write(chunk) {
            if (waiting !== undefined) await writer.write(waiting)
            waiting = Uint8Array.from(chunk)
          },
          commit: ({ checksum: _checksum, ...options } = {}) => writer.commit(options),
        }
      }),
  },
  {
    id: 'writer-nothing-is-nothing',
    fault: 'a commit of nothing written stores no object',
    convictedBy: ['writer.empty'],
    break: (store) =>
      withWriters(store, (writer, key) => {
        let written = false
        return {
          write: (chunk) => ((written = true), writer.write(chunk)),
          async commit(options) {
            const head = await writer.commit(options)
            if (!written) await store.delete(key)
            return head
          },
        }
      }),
  },
  {
    id: 'writer-shows-early',
    fault: 'each write shows under the key',
    convictedBy: ['writer.invisible', 'writer.abort'],
    break: (store) =>
      withWriters(store, (writer, key) => ({
        async write(chunk) {
          await writer.write(chunk)
          await store.put(key, sourceOf(chunk))
        },
      })),
  },
  {
    id: 'writer-abort-commits',
    fault: 'abort() publishes what was written',
    convictedBy: ['writer.abort'],
    break: (store) =>
      withWriters(store, (writer) => ({
        abort: async () => void (await writer.commit().catch(() => undefined)),
      })),
  },
  {
    id: 'writer-abort-deletes',
    fault: 'abort() after commit() deletes the object',
    convictedBy: ['writer.abort-after-commit'],
    break: (store) =>
      withWriters(store, (writer, key) => ({
        async abort() {
          await writer.abort()
          await store.delete(key)
        },
      })),
  },
  {
    id: 'writer-ignores-options',
    fault: 'condition and checksum of commit() are not looked at',
    convictedBy: ['writer.when', 'writer.checksum'],
    break: (store) => withWriters(store, (writer) => ({ commit: () => writer.commit() })),
  },
  {
    id: 'writer-ignores-signal',
    fault: 'the signal of a writer is not looked at',
    convictedBy: ['writer.signal'],
    break: (store) => over(store, { createWriter: (key) => present(store.createWriter)(key) }),
  },
  {
    id: 'writer-by-key',
    fault: 'writers of one key share what they collect',
    convictedBy: ['writer.two'],
    break(store) {
      const writers = new Map<string, Uint8Array[]>()
      return withWriters(store, (writer, key) => {
        const chunks = writers.get(key) ?? []
        writers.set(key, chunks)
        return {
          write: async (chunk) => void chunks.push(Uint8Array.from(chunk)),
          async commit(options) {
            await writer.write(Buffer.concat(chunks))
            return writer.commit(options)
          },
        }
      })
    },
  },
]

/** Positional reads. */
export const fileMutants: readonly StoreMutant[] = [
  {
    id: 'file-absent-throws',
    fault: 'openFile() of an absent key fails',
    convictedBy: ['file.absent'],
    break: (store) =>
      over(store, {
        async openFile(key, call) {
          const file = await present(store.openFile)(key, call)
          if (file === undefined) throw new MediaError('MEDIA_ABSENT', 'no such file')
          return file
        },
      }),
  },
  {
    id: 'file-reads-short',
    fault: 'read() gives one byte fewer than it could',
    convictedBy: ['file.read', 'file.overlapping'],
    break: (store) =>
      withFiles(store, (file) => ({
        read: async (buffer, position) => Math.max(0, (await file.read(buffer, position)) - 1),
      })),
  },
  {
    id: 'file-past-end-throws',
    fault: 'read() past the end fails',
    convictedBy: ['file.read', 'file.empty'],
    break: (store) =>
      withFiles(store, (file) => ({
        async read(buffer, position) {
          if (position >= file.sizeBytes) throw new MediaError('MEDIA_RANGE', 'past the end')
          return file.read(buffer, position)
        },
      })),
  },
  {
    id: 'file-one-position',
    fault: 'overlapping reads share a position',
    convictedBy: ['file.overlapping', 'file.close'],
    break: (store) =>
      withFiles(store, (file) => {
        let at = 0
        return {
          async read(buffer, position) {
            at = position
            await Promise.resolve()
            return file.read(buffer, at)
          },
        }
      }),
  },
  {
    id: 'file-caches-caller-buffer',
    fault: 'the buffer of the first read is kept and given to later ones',
    convictedBy: ['file.own-buffer'],
    break: (store) =>
      withFiles(store, (file) => {
        let cached:
          | { readonly buffer: Uint8Array; readonly position: number; readonly read: number }
          | undefined
        return {
          async read(buffer, position) {
            if (
              cached !== undefined &&
              cached.position === position &&
              cached.buffer.byteLength === buffer.byteLength
            ) {
              buffer.set(cached.buffer)
              return cached.read
            }
            const read = await file.read(buffer, position)
            cached = { buffer, position, read }
            return read
          },
        }
      }),
  },
  {
    id: 'file-stamp-of-size',
    fault: 'the stamp is made of the size',
    convictedBy: ['file.stamp'],
    break: (store) => withFiles(store, (file) => ({ stamp: () => String(file.sizeBytes) })),
  },
  {
    id: 'file-reads-late',
    fault: 'read() looks the key up again each time',
    convictedBy: ['file.survives'],
    break: (store) =>
      withFiles(store, (file, key) => ({
        async read(buffer, position) {
          const now = await present(store.openFile)(key)
          if (now === undefined) throw new MediaError('MEDIA_UNAVAILABLE', 'gone')
          const read = await now.read(buffer, position)
          await now.close()
          void file
          return read
        },
      })),
  },
  {
    id: 'file-not-closed',
    fault: 'close() of a file keeps its handle',
    convictedBy: ['file.close', 'file.read', 'file.empty'],
    break: (store) => withFiles(store, () => ({ close: async () => {} })),
  },
]

/** Bodies on their way in. */
export const stagingMutants: readonly StoreMutant[] = [
  {
    id: 'staged-range-ignored',
    fault: 'a range of a staged body gives the whole',
    convictedBy: ['staging.body'],
    break: (store) =>
      withStagingWriters(store, (writer) => ({
        async finish(digest) {
          const body = await writer.finish(digest)
          return { ...body, open: () => body.open() }
        },
      })),
  },
  {
    id: 'discard-takes-object',
    fault: 'discarding a staged body takes the object made of it',
    convictedBy: ['staging.put'],
    break(store) {
      const keys = new WeakMap<object, string>()
      const staged = withStagingWriters(store, (writer) => ({
        async finish(digest) {
          const body = await writer.finish(digest)
          const own: StagedBody = {
            ...body,
            async discard() {
              await body.discard()
              const key = keys.get(own)
              if (key !== undefined) await store.delete(key)
            },
          }
          return own
        },
      }))
      return over(staged, {
        put: (key, source, options) => (keys.set(source, key), store.put(key, source, options)),
      })
    },
  },
  {
    id: 'staged-listed',
    fault: 'a staged body shows as an object',
    convictedBy: ['staging.unseen'],
    break: (store) =>
      withStagingWriters(store, (writer, name) => ({
        async finish(digest) {
          await store.put(`staging/${name}`, sourceOf(new Uint8Array(1)))
          return writer.finish(digest)
        },
      })),
  },
  {
    id: 'staging-keeps-chunk',
    fault: 'the chunk of the caller is kept instead of a copy',
    convictedBy: ['staging.chunk-reused'],
    break: (store) =>
      withStagingWriters(store, (writer) => {
        const chunks: Uint8Array[] = []
        return {
          async write(chunk) {
            chunks.push(chunk)
            await writer.write(chunk)
          },
          async finish(digest) {
            const body = await writer.finish(digest)
            return { ...body, open: () => streamOf(Buffer.concat(chunks)) }
          },
        }
      }),
  },
  {
    id: 'staging-budget-kept',
    fault: 'discard() and abort() do not give the room back',
    convictedBy: ['staging.budget.counted', 'staging.body'],
    break(store) {
      let most = 0
      return withStaging(store, (inner) => ({
        get usedBytes() {
          most = Math.max(most, inner.usedBytes)
          return most
        },
        async create(options) {
          const writer = await inner.create(options)
          most = Math.max(most, inner.usedBytes)
          return writer
        },
      }))
    },
  },
  {
    id: 'staging-counts-declared',
    fault: 'only declared bytes count against the budget',
    convictedBy: ['staging.budget.unknown-length'],
    break(store) {
      let declaredBytes = 0
      return withStaging(store, (inner) => ({
        get usedBytes() {
          return inner.usedBytes === 0 ? 0 : declaredBytes
        },
        create(options) {
          declaredBytes += options.sizeBytes ?? 0
          return inner.create(options)
        },
      }))
    },
  },
  {
    id: 'staging-unbounded',
    fault: 'the budget is not kept',
    convictedBy: ['staging.budget.over'],
    break: (store) => withStaging(store, (inner) => ({ create: ({ name }) => inner.create({ name }) })),
  },
  {
    id: 'staging-abort-ignored',
    fault: 'an aborted writer goes on',
    convictedBy: ['staging.abort', 'staging.budget.counted'],
    break: (store) => withStagingWriters(store, () => ({ abort: async () => {} })),
  },
  {
    id: 'staging-ignores-signal',
    fault: 'the signal of create() is not looked at',
    convictedBy: ['staging.signal'],
    break: (store) =>
      withStaging(store, (inner) => ({ create: ({ signal: _signal, ...options }) => inner.create(options) })),
  },
  {
    id: 'staging-by-name',
    fault: 'bodies of one name share one place',
    convictedBy: ['staging.same-name'],
    break(store) {
      const bodies = new Map<string, StagedBody>()
      return withStagingWriters(store, (writer, name) => ({
        async finish(digest) {
          const body = await writer.finish(digest)
          bodies.set(name, body)
          return { ...body, open: (options) => (bodies.get(name) ?? body).open(options) }
        },
      }))
    },
  },
  {
    id: 'sweeps-all',
    fault: 'sweep() removes bodies of sessions that live',
    convictedBy: ['staging.sweep.kept'],
    break: (store) => withStaging(store, (inner) => ({ sweep: () => inner.sweep(() => false) })),
  },
]

/** Identities of volumes. */
export const identityMutants: readonly StoreMutant[] = [
  {
    id: 'identity-per-call',
    fault: 'each call tells another identity',
    convictedBy: ['identity.stable'],
    break: (store) => over(store, { identity: async () => ({ id: newId(), layout: 1 }) }),
  },
  {
    id: 'identity-per-store',
    fault: 'each store over the bytes tells another identity',
    convictedBy: ['identity.shared'],
    break(store) {
      const identity = { id: newId(), layout: 1 }
      return over(store, { identity: async () => identity })
    },
  },
]
