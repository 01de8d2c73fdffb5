import type { Catalog, ExternalOutcome, MemoryTables } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'
import { asOurs } from './reach.ts'

type Register = Parameters<Catalog['registerExternal']>[0]

const knownAt = (tables: MemoryTables, volumeId: string, key: string) =>
  [...tables.placements.values()].find((one) => one.volumeId === volumeId && one.key === key)

/** Registers what `change` makes of each object. */
const registering =
  (change: (object: Register['objects'][number], input: Register, tables: MemoryTables) => object) =>
  (inner: Catalog, tables: MemoryTables): Catalog =>
    withMembers(inner, {
      registerExternal: (input) =>
        inner.registerExternal({
          ...input,
          objects: input.objects.map((one) => ({ ...one, ...change(one, input, tables) })),
        }),
    })

async function forgetKnown(
  inner: Catalog,
  tables: MemoryTables,
  volumeId: string,
  key: string,
): Promise<void> {
  const etag = knownAt(tables, volumeId, key)?.etag
  await inner.forgetExternal(volumeId, [{ key, ...(etag === undefined ? {} : { etag }) }])
}

let lastEtag = 0

/** Faults with objects that are not ours. */
export const externalMutants: readonly CatalogMutant[] = [
  mutant('external.owned', 'what is registered is ours', ['external.register'], (inner, tables) =>
    withMembers(inner, {
      async registerExternal(input) {
        const outcomes = await inner.registerExternal(input)
        for (const { key } of input.objects) {
          const placement = knownAt(tables, input.volumeId, key)
          if (placement !== undefined) Object.assign(placement, { owned: true })
        }
        return outcomes
      },
    }),
  ),
  mutant('external.uncounted', 'external objects count for no tier', ['external.usage'], (inner) =>
    withMembers(inner, {
      usage: async (namespace, by) => (by === 'tier' ? [] : inner.usage(namespace, by)),
    }),
  ),
  mutant(
    'external.always-new',
    'an object that did not change is taken for a new one',
    ['external.again'],
    registering(() => {
      lastEtag += 1
      return { etag: `${lastEtag}` }
    }),
  ),
  mutant(
    'external.etag-alone',
    'another size under the same etag goes unseen',
    ['external.replaced'],
    registering(({ key, etag, sizeBytes }, { volumeId }, tables) => {
      const known = knownAt(tables, volumeId, key)
      return { sizeBytes: known?.etag === etag ? known.blob.sizeBytes : sizeBytes }
    }),
  ),
  mutant('external.by-key', 'a record is known by its key alone', ['external.renamed'], (inner, tables) =>
    withMembers(inner, {
      async registerExternal(input) {
        for (const { key, mediaKey } of input.objects)
          if ((await inner.get(input.namespace, { key: mediaKey })) === undefined)
            await forgetKnown(inner, tables, input.volumeId, key)
        return inner.registerExternal(input)
      },
    }),
  ),
  mutant(
    'external.other-key',
    'an object whose key is taken gets another',
    ['external.taken'],
    registering(({ key, mediaKey }, { volumeId, namespace }, tables) => {
      const isTaken = tables.namespaces.get(namespace)?.byKey.has(mediaKey) === true
      return isTaken && knownAt(tables, volumeId, key) === undefined ? { mediaKey: `${mediaKey} 2` } : {}
    }),
  ),
  mutant(
    'external.comes-back',
    'a deleted record comes back with the next look at its object',
    ['external.deleted'],
    (inner, tables) =>
      withMembers(inner, {
        async delete(namespace, ref, options) {
          const record = await inner.delete(namespace, ref, options)
          for (const { owned, volumeId, key } of record?.content.placements ?? [])
            if (!owned) await forgetKnown(inner, tables, volumeId, key)
          return record
        },
      }),
  ),
  mutant('external.one-by-one', 'objects are registered one by one', ['external.all-or-none'], (inner) =>
    withMembers(inner, {
      async registerExternal(input) {
        const outcomes: ExternalOutcome[] = []
        for (const object of input.objects)
          outcomes.push(...(await inner.registerExternal({ ...input, objects: [object] })))
        return outcomes
      },
    }),
  ),
  mutant('external.utf16', 'keys are listed by their UTF-16 units', ['external.list'], (inner) =>
    withMembers(inner, {
      async listExternal(volumeId, options) {
        const { objects, ...page } = await inner.listExternal(volumeId, options)
        return { ...page, objects: [...objects].sort((one, other) => (one.key < other.key ? -1 : 1)) }
      },
    }),
  ),
  mutant('external.from-start', 'a listing begins at the first key', ['external.list'], (inner) =>
    withMembers(inner, {
      listExternal: (volumeId, { from: _from, ...options }) => inner.listExternal(volumeId, options),
    }),
  ),
  mutant(
    'external.any-etag',
    'a newer object is forgotten with the old one',
    ['external.forget'],
    (inner, tables) =>
      withMembers(inner, {
        forgetExternal: (volumeId, objects) =>
          inner.forgetExternal(
            volumeId,
            objects.map(({ key }) => {
              const etag = knownAt(tables, volumeId, key)?.etag
              return { key, ...(etag === undefined ? {} : { etag }) }
            }),
          ),
      }),
  ),
  mutant(
    'external.forgets-records',
    'a record goes with its object, whatever copies there are',
    ['external.forget-copied'],
    (inner, tables) =>
      withMembers(inner, {
        async forgetExternal(volumeId, objects) {
          const served = objects.flatMap(({ key }) => [
            ...(knownAt(tables, volumeId, key)?.blob.contents ?? []),
          ])
          const forgotten = await inner.forgetExternal(volumeId, objects)
          for (const { mediaId } of served) {
            const namespace = tables.media.get(mediaId)?.namespace
            if (namespace !== undefined) await inner.delete(namespace, mediaId)
          }
          return forgotten
        },
      }),
  ),
  mutant('external.is-thin', 'external objects are to be copied', ['external.thin'], (inner, tables) =>
    withMembers(inner, { listThinBlobs: (options) => asOurs(tables, () => inner.listThinBlobs(options)) }),
  ),
  mutant('external.taken-home', 'an export says that all is ours', ['external.portable'], (inner, tables) =>
    withMembers(inner, { exportMedia: (options) => asOurs(tables, () => inner.exportMedia(options)) }),
  ),
  mutant(
    'external.learns-nothing',
    'an import learns nothing of objects that are known',
    ['external.portable-learned'],
    (inner) =>
      withMembers(inner, {
        importMedia: (media) =>
          inner.importMedia(
            media.map((one) => ({ ...one, placements: one.placements.map((at) => without(at, 'etag')) })),
          ),
      }),
  ),
  mutant('external.looks-first', 'registering looks, and writes later', ['external.race'], (inner, tables) =>
    withMembers(inner, {
      async registerExternal(input) {
        const unknown = input.objects.filter(({ key }) => knownAt(tables, input.volumeId, key) === undefined)
        await new Promise((resolve) => setImmediate(resolve))
        for (const { key } of unknown) await forgetKnown(inner, tables, input.volumeId, key)
        return inner.registerExternal(input)
      },
    }),
  ),
  mutant(
    'external.shared',
    'a put shares the bytes of an external object',
    ['external.not-shared'],
    (inner, tables) =>
      withMembers(inner, { stagePlacement: (input) => asOurs(tables, () => inner.stagePlacement(input)) }),
  ),
]
