import { readFile, rm } from 'node:fs/promises'
import {
  MediaError,
  type ObjectStore,
  type PartialPart,
  type Partials,
  type PartialWriter,
  type StagedBody,
} from '@mediakeep/core'
import { over, present, type StoreMutant, sourceOf, streamOf } from './mutant.ts'
import { withStaging } from './parts.ts'

function withPartials(store: ObjectStore, change: (partials: Partials) => Partial<Partials>): ObjectStore {
  return withStaging(store, (staging) => {
    const inner = present(staging.partials)
    return { partials: { ...inner, ...change(inner) } }
  })
}

type WriterChange = (writer: PartialWriter, part: PartialPart) => Partial<PartialWriter>

function withWriters(store: ObjectStore, change: WriterChange): ObjectStore {
  return withPartials(store, (inner) => ({
    async open(part) {
      const writer = await inner.open(part)
      return { ...writer, ...change(writer, part) }
    },
  }))
}

function withBodies(store: ObjectStore, change: (body: StagedBody) => Partial<StagedBody>): ObjectStore {
  return withPartials(store, (inner) => ({
    async find(part) {
      const body = await inner.find(part)
      return body === undefined ? undefined : { ...body, ...change(body) }
    },
  }))
}

/** Parts under another name. */
function renamed(store: ObjectStore, rename: (part: PartialPart) => PartialPart): ObjectStore {
  return withPartials(store, (inner) => ({
    open: (part) => inner.open({ ...part, ...rename(part) }),
    find: (part) => inner.find({ ...part, ...rename(part) }),
    delete: (part) => inner.delete(rename(part)),
  }))
}

const writerMutants: readonly StoreMutant[] = [
  {
    id: 'part-begins-anew',
    fault: 'opening a part again empties it',
    convictedBy: ['partials.synced', 'partials.second-store', 'partials.again', 'partials.unsynced'],
    break: (store) =>
      withPartials(store, (inner) => ({
        async open(part) {
          await inner.delete(part)
          return inner.open(part)
        },
      })),
  },
  {
    id: 'part-of-one-process',
    fault: 'parts are known to the store that wrote them only',
    convictedBy: ['partials.second-store'],
    break(store) {
      const own = new Set<string>()
      const known = ({ name, part }: PartialPart): string => `${part}/${name}`
      return withPartials(store, (inner) => ({
        open: (part) => (own.add(known(part)), inner.open(part)),
        find: async (part) => (own.has(known(part)) ? inner.find(part) : undefined),
      }))
    },
  },
  {
    id: 'part-appends',
    fault: 'bytes are written behind each other, whatever their position',
    convictedBy: ['partials.any-order', 'partials.again'],
    break(store) {
      const ends = new Map<string, number>()
      return withWriters(store, (writer, part) => ({
        async write(chunk, position) {
          if (!(position >= 0)) return writer.write(chunk, position)
          const at = ends.get(part.name) ?? 0
          ends.set(part.name, at + chunk.byteLength)
          await writer.write(chunk, at)
        },
      }))
    },
  },
  {
    id: 'part-first-wins',
    fault: 'what was written stays when other bytes come for its place',
    convictedBy: ['partials.again', 'partials.resumed'],
    break(store) {
      let endBytes = 0
      return withWriters(store, (writer) => ({
        async write(chunk, position) {
          if (position < endBytes && position + chunk.byteLength <= endBytes) return
          endBytes = Math.max(endBytes, position + chunk.byteLength)
          await writer.write(chunk, position)
        },
      }))
    },
  },
  {
    id: 'part-keeps-chunk',
    fault: 'the chunk of the caller is kept until sync() instead of a copy',
    convictedBy: ['partials.chunk-reused'],
    break: (store) =>
      withWriters(store, (writer) => {
        const held: [Uint8Array, number][] = []
        return {
          write: async (chunk, position) => void held.push([chunk, position]),
          async sync() {
            for (const [chunk, position] of held.splice(0)) await writer.write(chunk, position)
            await writer.sync()
          },
        }
      }),
  },
  {
    id: 'part-unsynced-is-zeros',
    fault: 'of what was not synced the length stays and the bytes do not',
    convictedBy: ['partials.unsynced'],
    break: (store) =>
      withWriters(store, (writer) => {
        const unsynced: [sizeBytes: number, position: number][] = []
        return {
          async write(chunk, position) {
            await writer.write(chunk, position)
            unsynced.push([chunk.byteLength, position])
          },
          async sync() {
            await writer.sync()
            unsynced.length = 0
          },
          async close() {
            for (const [sizeBytes, position] of unsynced)
              await writer.write(new Uint8Array(sizeBytes), position)
            await writer.close()
          },
        }
      }),
  },
  {
    id: 'part-close-does-not-wait',
    fault: 'close() resolves while writes are under way',
    convictedBy: ['partials.close'],
    break: (store) =>
      withWriters(store, (writer) => {
        const writing = new Set<Promise<void>>()
        return {
          write(chunk, position) {
            const work = new Promise((resolve) => setImmediate(resolve)).then(() => {
              return writer.write(chunk, position)
            })
            writing.add(work)
            return work
          },
          close: async () => void Promise.allSettled(writing).then(() => writer.close()),
        }
      }),
  },
  {
    id: 'part-writes-after-close',
    fault: 'a closed writer goes on',
    convictedBy: ['partials.close'],
    break: (store) => withWriters(store, () => ({ close: async () => {} })),
  },
  {
    id: 'part-takes-budget',
    fault: 'parts count against the budget of staging',
    convictedBy: ['partials.no-budget'],
    break: (store) =>
      withStaging(store, (inner) => {
        let usedBytes = 0
        const partials = present(inner.partials)
        return {
          get usedBytes() {
            return inner.usedBytes + usedBytes
          },
          partials: { ...partials, open: (part) => ((usedBytes += 1), partials.open(part)) },
        }
      }),
  },
  {
    id: 'part-takes-anything',
    fault: 'positions, numbers and names are not looked at',
    convictedBy: ['partials.refused'],
    break: (store) =>
      renamed(
        withWriters(store, (writer) => ({
          write: (chunk, position) => writer.write(chunk, Math.trunc(Math.abs(position || 0))),
        })),
        ({ name, part }) => ({ name: name || 'nobody', part: Math.trunc(Math.abs(part)) }),
      ),
  },
  {
    id: 'part-outlives-store',
    fault: 'parts that are deleted are no error after close()',
    convictedBy: ['partials.closed'],
    break: (store) =>
      withPartials(store, (inner) => ({ delete: (part) => inner.delete(part).catch(() => {}) })),
  },
]

const bodyMutants: readonly StoreMutant[] = [
  {
    id: 'part-range-ignored',
    fault: 'a range of a part gives the whole',
    convictedBy: ['partials.body'],
    break: (store) => withBodies(store, (body) => ({ open: () => body.open() })),
  },
  {
    id: 'part-digest-dropped',
    fault: 'a part does not tell the digest that came with the question',
    convictedBy: ['partials.body'],
    break: (store) =>
      withPartials(store, (inner) => ({
        find: ({ digest: _digest, ...part }) => inner.find(part),
      })),
  },
  {
    id: 'part-keeps-handle',
    fault: 'a stream of a part that is destroyed keeps its handle',
    convictedBy: ['partials.unread'],
    break: (store, held) =>
      withBodies(store, (body) => ({
        open(options) {
          held.count += 1
          const stream = body.open(options)
          stream.once('end', () => (held.count -= 1))
          return stream
        },
      })),
  },
  {
    id: 'part-of-nothing-is-nothing',
    fault: 'a part without bytes is none',
    convictedBy: ['partials.empty'],
    break: (store) =>
      withPartials(store, (inner) => ({
        find: async (part) => (part.sizeBytes === 0 ? undefined : inner.find(part)),
      })),
  },
  {
    id: 'part-given-whole',
    fault: 'find() gives all that was written, whatever was asked for',
    convictedBy: ['partials.longer', 'partials.adopt'],
    local: true,
    break(store) {
      const ends = new Map<string, number>()
      const whole = withWriters(store, (writer, part) => ({
        async write(chunk, position) {
          await writer.write(chunk, position)
          ends.set(part.name, Math.max(ends.get(part.name) ?? 0, position + chunk.byteLength))
        },
      }))
      return withPartials(whole, (inner) => ({
        async find(part) {
          const sizeBytes = Math.max(part.sizeBytes, ends.get(part.name) ?? 0)
          return inner.find({ ...part, sizeBytes })
        },
      }))
    },
  },
  {
    id: 'part-short-is-absent',
    fault: 'a part that is too short is taken for none',
    convictedBy: ['partials.shorter', 'partials.delete'],
    break: (store) =>
      withPartials(store, (inner) => ({
        find: (part) => inner.find(part).catch(() => undefined),
      })),
  },
  {
    id: 'part-short-is-filled',
    fault: 'a part that is too short is filled up with zeros',
    convictedBy: ['partials.shorter'],
    break: (store) =>
      withPartials(store, (inner) => ({
        async find(part) {
          const body = await inner.find({ ...part, sizeBytes: 0 }).catch(() => undefined)
          return (
            body && {
              ...body,
              sizeBytes: part.sizeBytes,
              open: () => streamOf(new Uint8Array(part.sizeBytes)),
            }
          )
        },
      })),
  },
  {
    id: 'part-not-discarded',
    fault: 'discard() of a part leaves its bytes',
    convictedBy: ['partials.put'],
    break: (store) => withBodies(store, () => ({ discard: async () => {} })),
  },
  {
    id: 'part-adopted-twice',
    fault: 'adopt() of a part leaves the part, and discard() then takes the object',
    convictedBy: ['partials.adopt'],
    local: true,
    break(store) {
      const adopted = new Map<string, string>()
      const discarding = withBodies(store, (body) => ({
        async discard() {
          const key = adopted.get(body.path ?? '')
          if (key !== undefined) await store.delete(key)
          await body.discard()
        },
      }))
      return over(discarding, {
        async adopt(key, path, options) {
          adopted.set(path, key)
          const head = await store.put(key, sourceOf(await readFile(path)), options)
          await rm(path)
          return head
        },
      })
    },
  },
  {
    id: 'part-listed',
    fault: 'a part shows as an object',
    convictedBy: ['partials.unseen'],
    break: (store) =>
      withWriters(store, (writer, part) => ({
        async sync() {
          await store.put(`parts/${part.name}`, sourceOf(new Uint8Array(1)))
          await writer.sync()
        },
      })),
  },
]

const endMutants: readonly StoreMutant[] = [
  {
    id: 'parts-folded',
    fault: 'names that differ in their case only share their parts',
    convictedBy: ['partials.separate'],
    break: (store) => renamed(store, ({ name, part }) => ({ name: name.toLowerCase(), part })),
  },
  {
    id: 'parts-joined',
    fault: 'name and number are joined without a mark between them',
    convictedBy: ['partials.separate'],
    break: (store) =>
      renamed(store, ({ name, part }) => ({
        name: part > 0 ? `${name}${part}` : name,
        part: Math.min(part, 0),
      })),
  },
  {
    id: 'part-absent-throws',
    fault: 'a part that is not there is an error',
    convictedBy: ['partials.absent', 'partials.delete'],
    break: (store) =>
      withPartials(store, (inner) => ({
        async find(part) {
          const body = await inner.find(part)
          if (body === undefined) throw new MediaError('MEDIA_CORRUPT', 'no part', { reason: 'part-short' })
          return body
        },
      })),
  },
  {
    id: 'part-not-deleted',
    fault: 'delete() leaves the part',
    convictedBy: ['partials.delete', 'partials.separate', 'partials.synced'],
    break: (store) => withPartials(store, () => ({ delete: async () => {} })),
  },
  {
    id: 'part-deleted-once',
    fault: 'delete() of a part that is not there fails',
    convictedBy: ['partials.delete'],
    break: (store) =>
      withPartials(store, (inner) => ({
        async delete(part) {
          if ((await inner.find({ ...part, sizeBytes: 0 })) === undefined)
            throw new MediaError('MEDIA_ABSENT', 'no part')
          await inner.delete(part)
        },
      })),
  },
  {
    id: 'parts-not-swept',
    fault: 'sweep() passes over parts',
    convictedBy: ['partials.sweep'],
    break: (store) => withStaging(store, () => ({ sweep: async () => 0 })),
  },
  {
    id: 'parts-all-swept',
    fault: 'sweep() removes parts of names that are kept',
    convictedBy: ['partials.sweep'],
    break: (store) =>
      withStaging(store, (inner) => ({
        sweep: (keep) => inner.sweep(async (name) => (await keep(name), false)),
      })),
  },
]

/** Bodies that come in pieces. */
export const partialsMutants: readonly StoreMutant[] = [...writerMutants, ...bodyMutants, ...endMutants]
