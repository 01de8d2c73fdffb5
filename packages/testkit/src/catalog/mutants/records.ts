import { isMediaError, type JsonObject, type MediaRecord, newId } from '@mediakeep/core'
import { type CatalogMutant, mutant, namespaceOfId, withMembers, without, withRecords } from './mutant.ts'

/** Faults of records and replacement. */
export const recordMutants: readonly CatalogMutant[] = [
  mutant('get.nothing', 'get() finds nothing', ['close.dispose'], (inner) =>
    withMembers(inner, { get: async () => undefined }),
  ),
  mutant('get.any-namespace', 'get() by id looks into other namespaces', ['namespaces.records'], (inner) =>
    withMembers(inner, {
      async get(namespace, ref) {
        const found = await inner.get(namespace, ref)
        if (found !== undefined || typeof ref !== 'string') return found
        const elsewhere = await namespaceOfId(inner, ref)
        return elsewhere === undefined ? undefined : inner.get(elsewhere, ref)
      },
    }),
  ),
  mutant(
    'get.prefix',
    'get() by key takes the first key that starts so',
    ['get.absent', 'hostile.found'],
    (inner) =>
      withMembers(inner, {
        async get(namespace, ref) {
          if (typeof ref === 'string') return inner.get(namespace, ref)
          const { records } = await inner.list(namespace, { limit: 100 })
          return records.find(({ key }) => key?.startsWith(ref.key))
        },
      }),
  ),
  mutant('get.key-anywhere', 'a key names one record in all namespaces', ['namespaces.keys'], (inner) =>
    withMembers(inner, {
      async get(namespace, ref) {
        const first = typeof ref === 'object' ? await inner.get('alpha', ref) : undefined
        return first ?? inner.get(namespace, ref)
      },
    }),
  ),
  mutant('get.absent-throws', 'get() fails for what is not there', ['delete.record'], (inner) =>
    withMembers(inner, {
      async get(namespace, ref) {
        const found = await inner.get(namespace, ref)
        if (found === undefined) throw new Error('not found')
        return found
      },
    }),
  ),
  mutant('get.cached', 'get() goes on showing what it showed first', ['records.snapshots'], (inner) => {
    const shown = new Map<string, MediaRecord | undefined>()
    return withMembers(inner, {
      async get(namespace, ref) {
        const name = JSON.stringify([namespace, ref])
        if (!shown.has(name)) shown.set(name, await inner.get(namespace, ref))
        return shown.get(name)
      },
    })
  }),
  mutant(
    'records.shared',
    'callers share one object that they may change',
    ['records.snapshots'],
    (inner) => {
      const shared = new Map<string, MediaRecord>()
      return withRecords(inner, (record) => {
        const name = `${record.id} ${record.revision}`
        const one = shared.get(name) ?? structuredClone(record)
        shared.set(name, one)
        return one
      })
    },
  ),
  mutant(
    'records.aliased',
    'records hold the very objects that were handed in',
    ['records.inputs'],
    (inner) => {
      const given = new Map<string, JsonObject>()
      const shown = withRecords(inner, (record) => ({
        ...record,
        metadata: given.get(record.id) ?? record.metadata,
      }))
      return withMembers(shown, {
        async commitContent(input) {
          const committed = await inner.commitContent(input)
          if (input.media.metadata !== undefined) given.set(committed.record.id, input.media.metadata)
          return committed
        },
      })
    },
  ),
  mutant('records.own-clock', 'times are not those of the catalog', ['records.times'], (inner) =>
    withRecords(inner, (record) => ({ ...record, createdAt: new Date(0), updatedAt: new Date(0) })),
  ),
  mutant('records.still', 'the revision never grows', ['link.add'], (inner) =>
    withRecords(inner, (record) => ({ ...record, revision: 1 })),
  ),
  mutant('records.first-content', 'the content is always number 1', ['replace.same-bytes'], (inner) =>
    withRecords(inner, (record) => ({ ...record, content: { ...record.content, number: 1 } })),
  ),
  mutant('records.no-placements', 'records show no placements', ['gc.claim-again'], (inner) =>
    withRecords(inner, (record) => ({ ...record, content: { ...record.content, placements: [] } })),
  ),
  mutant('records.no-facts', 'facts are lost', ['commit.record', 'replace.by-key'], (inner) =>
    withRecords(inner, (record) => ({ ...record, content: { ...record.content, facts: {} } })),
  ),
  mutant('records.public', 'records are public unless told', ['commit.defaults'], (inner) =>
    withMembers(inner, {
      commitContent: (input) =>
        inner.commitContent({
          ...input,
          media: { ...input.media, visibility: input.media.visibility ?? 'public' },
        }),
    }),
  ),
  mutant('records.repeats', 'repeated tags are kept', ['commit.repeats'], (inner) => {
    const given = new Map<string, readonly string[]>()
    const shown = withRecords(inner, (record) => ({ ...record, tags: given.get(record.id) ?? record.tags }))
    return withMembers(shown, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        if (input.media.tags !== undefined) given.set(committed.record.id, input.media.tags)
        return committed
      },
    })
  }),
  mutant(
    'records.no-empty',
    'an empty body is refused',
    ['commit.empty', 'reserve.released', 'stage.no-sums'],
    (inner) =>
      withMembers(inner, {
        async stagePlacement(input) {
          if (input.sizeBytes === 0) throw new Error('empty')
          return inner.stagePlacement(input)
        },
      }),
  ),
  mutant('commit.new-always', 'a put at a key or id makes a new record', ['usage.type'], (inner) =>
    withMembers(inner, {
      async commitContent(input) {
        const { at, when } = input.media
        const existing = at === undefined ? undefined : await inner.get(input.media.namespace, at)
        if (existing === undefined || when !== undefined) return inner.commitContent(input)
        return inner.commitContent({ ...input, media: without(input.media, 'at') })
      },
    }),
  ),
  mutant(
    'commit.id-replaced',
    'a new record takes another id when its own is taken',
    ['commit.id-taken'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          try {
            return await inner.commitContent(input)
          } catch (error) {
            if (!isMediaError(error, 'MEDIA_CONFLICT')) throw error
            return inner.commitContent({ ...input, media: { ...input.media, newId: newId() } })
          }
        },
      }),
  ),
  mutant(
    'commit.absent-created',
    'a put at an id that is not there makes a record',
    ['replace.absent-id'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          const { at, namespace } = input.media
          const isAbsent = typeof at === 'string' && (await inner.get(namespace, at)) === undefined
          return inner.commitContent(isAbsent ? { ...input, media: without(input.media, 'at') } : input)
        },
      }),
  ),
  mutant(
    'commit.created-always',
    'a replacement says that it created',
    ['replace.by-id', 'when.exists'],
    (inner) =>
      withMembers(inner, {
        commitContent: async (input) => ({ ...(await inner.commitContent(input)), created: true }),
      }),
  ),
  mutant('commit.owner-moves', 'a replacement changes the owner', ['when.revision'], (inner) =>
    withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        if (committed.created) return committed
        const { owner, namespace } = input.media
        return { ...committed, record: await inner.update(namespace, committed.record.id, { owner }) }
      },
    }),
  ),
  mutant(
    'commit.resets',
    'a replacement empties what it does not give',
    ['list.filter.follows', 'replace.keeps'],
    (inner) =>
      withMembers(inner, {
        commitContent: (input) =>
          inner.commitContent({ ...input, media: { tags: [], metadata: {}, links: [], ...input.media } }),
      }),
  ),
  mutant(
    'commit.keeps-all',
    'a replacement keeps what it was to change',
    ['linked.changes', 'replace.gives'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          const { at, namespace } = input.media
          if (at === undefined || (await inner.get(namespace, at)) === undefined)
            return inner.commitContent(input)
          const { tags: _t, metadata: _m, links: _l, visibility: _v, ...media } = input.media
          return inner.commitContent({ ...input, media })
        },
      }),
  ),
  mutant('commit.serves-all', 'content serves whatever its state', ['gc.replaced'], (inner) =>
    withMembers(inner, {
      commitContent: (input) =>
        inner.commitContent({ ...input, content: { ...input.content, state: 'active' } }),
    }),
  ),
  mutant(
    'commit.first-serves',
    'of waiting contents the oldest is shown',
    ['replace.newest-pending'],
    (inner, tables) => {
      return withMembers(inner, {
        async commitContent(input) {
          const { at, namespace } = input.media
          const before = at === undefined ? undefined : await inner.get(namespace, at)
          const committed = await inner.commitContent(input)
          const row = tables.media.get(committed.record.id)
          if (before === undefined || row === undefined || input.content.state === 'active') return committed
          if (before.content.state === 'active') return committed
          return { ...committed, record: { ...committed.record, content: before.content } }
        },
      })
    },
  ),
  mutant('commit.lost', 'a commit is acknowledged and not kept', ['race.delete'], (inner) =>
    withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        await inner.delete(input.media.namespace, committed.record.id)
        return committed
      },
    }),
  ),
  mutant('when.ignored', 'conditions of puts are ignored', ['when.absent'], (inner) =>
    withMembers(inner, {
      commitContent: (input) => inner.commitContent({ ...input, media: without(input.media, 'when') }),
    }),
  ),
  mutant(
    'when.looks-first',
    'conditions of puts are checked before the commit, not in it',
    ['handles.races', 'race.create-only'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          const { when, at, namespace } = input.media
          if (when?.type !== 'absent' || at === undefined) return inner.commitContent(input)
          const existing = await inner.get(namespace, at)
          return inner.commitContent(
            existing === undefined ? { ...input, media: without(input.media, 'when') } : input,
          )
        },
      }),
  ),
  mutant(
    'when.refused-ends',
    'a refused commit ends the session',
    ['when.refused-changes-nothing'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          try {
            return await inner.commitContent(input)
          } catch (error) {
            await inner.endSession(input.session)
            throw error
          }
        },
      }),
  ),
  mutant('when.any-etag', '`match` is taken for `exists`', ['when.match'], (inner) =>
    withMembers(inner, {
      commitContent(input) {
        const { when } = input.media
        if (when?.type !== 'match') return inner.commitContent(input)
        return inner.commitContent({ ...input, media: { ...input.media, when: { type: 'exists' } } })
      },
    }),
  ),
]
