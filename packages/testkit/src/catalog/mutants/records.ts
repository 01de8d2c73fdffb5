import {
  type Catalog,
  isMediaError,
  type JsonObject,
  type LinkTarget,
  type MediaRecord,
  newId,
} from '@mediakeep/core'
import { type CatalogMutant, mutant, namespaceOfId, withMembers, without, withRecords } from './mutant.ts'

/** Faults of records, replacement and change. */
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
  mutant('update.nothing', 'update() changes nothing', ['race.rename'], (inner) =>
    withMembers(inner, { update: (namespace, ref, _, options) => inner.update(namespace, ref, {}, options) }),
  ),
  mutant('update.unconditional', 'update() ignores `ifRevision`', ['update.revision'], (inner) =>
    withMembers(inner, { update: (namespace, ref, change) => inner.update(namespace, ref, change) }),
  ),
  mutant(
    'update.looks-first',
    'update() checks the revision before, not in the change',
    ['race.revision'],
    (inner) =>
      withMembers(inner, {
        async update(namespace, ref, change, options = {}) {
          const record = await inner.get(namespace, ref)
          if (record?.revision !== options.ifRevision) return inner.update(namespace, ref, change, options)
          return inner.update(namespace, ref, change)
        },
      }),
  ),
  mutant(
    'update.creates',
    'update() of what is not there answers something',
    ['delete.record', 'update.absent'],
    (inner) =>
      withMembers(inner, {
        async update(namespace, ref, change, options) {
          const { records } = await inner.list(namespace, { limit: 1 })
          const [any] = records
          const isThere = (await inner.get(namespace, ref)) !== undefined
          if (isThere || any === undefined)
            return isThere ? inner.update(namespace, ref, change, options) : placeholder()
          return any
        },
      }),
  ),
  mutant('update.by-id-only', 'update() by key changes the newest record', ['update.by-key'], (inner) =>
    withMembers(inner, {
      async update(namespace, ref, change, options) {
        if (typeof ref === 'string') return inner.update(namespace, ref, change, options)
        const { records } = await inner.list(namespace, { limit: 1 })
        return inner.update(namespace, records[0]?.id ?? ref, change, options)
      },
    }),
  ),
  mutant('update.resets', 'update() empties tags that it is not given', ['update.each'], (inner) =>
    withMembers(inner, {
      update: (namespace, ref, change, options) =>
        inner.update(namespace, ref, { tags: [], ...change }, options),
    }),
  ),
  mutant(
    'update.key-stays',
    'update() cannot take a key away or move it',
    ['race.rename', 'update.key-away', 'update.key-moves'],
    (inner) =>
      withMembers(inner, {
        update: (namespace, ref, change, options) =>
          inner.update(namespace, ref, without(change, 'key'), options),
      }),
  ),
  mutant(
    'update.key-stolen',
    'update() takes a key from the record that has it',
    ['update.key-taken'],
    (inner) =>
      withMembers(inner, {
        async update(namespace, ref, change, options) {
          if (typeof change.key === 'string') {
            const holder = await inner.get(namespace, { key: change.key })
            if (holder !== undefined && holder.id !== ref)
              await inner.update(namespace, holder.id, { key: null })
          }
          return inner.update(namespace, ref, change, options)
        },
      }),
  ),
  mutant('update.renames-none', 'update() does not rename', ['update.waiting'], (inner) =>
    withMembers(inner, {
      update: (namespace, ref, change, options) =>
        inner.update(namespace, ref, without(change, 'filename'), options),
    }),
  ),
  mutant('delete.nothing', 'delete() deletes nothing', ['delete.absent'], (inner) =>
    withMembers(inner, { delete: (namespace, ref) => inner.get(namespace, ref) }),
  ),
  mutant('delete.anywhere', 'delete() by id reaches into other namespaces', ['namespaces.records'], (inner) =>
    withMembers(inner, {
      async delete(namespace, ref, options) {
        const found = typeof ref === 'string' ? await namespaceOfId(inner, ref) : undefined
        return inner.delete(found ?? namespace, ref, options)
      },
    }),
  ),
  mutant('delete.unconditional', 'delete() ignores its condition', ['delete.when'], (inner) =>
    withMembers(inner, { delete: (namespace, ref) => inner.delete(namespace, ref) }),
  ),
  mutant(
    'delete.remembers',
    'delete() answers with the record again',
    ['delete.absent', 'race.delete'],
    (inner) => {
      const deleted = new Map<string, MediaRecord>()
      return withMembers(inner, {
        async delete(namespace, ref, options) {
          const name = typeof ref === 'string' ? ref : ref.key
          const record = await inner.delete(namespace, ref, options)
          if (record !== undefined) deleted.set(name, record)
          return record ?? deleted.get(name)
        },
      })
    },
  ),
  mutant('delete.by-key-all', 'delete() by key deletes more than that', ['delete.by-key'], (inner) =>
    withMembers(inner, {
      async delete(namespace, ref, options) {
        const record = await inner.delete(namespace, ref, options)
        if (typeof ref === 'object') {
          for (const { id } of (await inner.list(namespace, { limit: 1 })).records)
            await inner.delete(namespace, id)
        }
        return record
      },
    }),
  ),
  mutant('delete.key-kept', 'a key stays with its deleted record', ['delete.key-free'], (inner) => {
    const last = new Map<string, readonly string[]>()
    return withMembers(inner, {
      async delete(namespace, ref, options) {
        const record = await inner.delete(namespace, ref, options)
        if (record?.key !== undefined) last.set(record.key, record.tags)
        return record
      },
      commitContent(input) {
        const { at } = input.media
        const tags = typeof at === 'object' ? last.get(at.key) : undefined
        return inner.commitContent(tags === undefined ? input : { ...input, media: { ...input.media, tags } })
      },
    })
  }),
  mutant('link.nothing', 'link() adds nothing', ['link.add'], (inner) =>
    withMembers(inner, { link: (namespace, ref) => inner.update(namespace, ref, {}) }),
  ),
  mutant(
    'link.reads-first',
    'link() reads the links, then writes them: links added meanwhile are lost',
    ['link.parallel'],
    (inner) =>
      withMembers(inner, {
        async link(namespace, ref, target) {
          const record = await inner.get(namespace, ref)
          if (record === undefined) return inner.link(namespace, ref, target)
          return inner.update(namespace, ref, { links: [...record.links, target] })
        },
      }),
  ),
  mutant('link.repeats', 'a link that is there is added again', ['link.again'], (inner) => {
    const extra = new Map<string, LinkTarget>()
    const shown = withRecords(inner, (record) => {
      const link = extra.get(record.id)
      return link === undefined ? record : { ...record, links: [...record.links, link] }
    })
    return withMembers(shown, {
      async link(namespace, ref, target) {
        const before = await inner.get(namespace, ref)
        const after = await inner.link(namespace, ref, target)
        if (before?.links.length === after.links.length) extra.set(after.id, target)
        return (await shown.get(namespace, ref)) ?? after
      },
    })
  }),
  mutant(
    'link.anything',
    'link() and unlink() of what is not there answer something',
    ['link.absent'],
    (inner) =>
      withMembers(inner, {
        link: async (namespace, ref, target) =>
          (await inner.get(namespace, ref)) === undefined
            ? placeholder()
            : inner.link(namespace, ref, target),
        unlink: async (namespace, ref, target) =>
          (await inner.get(namespace, ref)) === undefined
            ? placeholder()
            : inner.unlink(namespace, ref, target),
      }),
  ),
  mutant('unlink.all', 'unlink() takes every link of the record away', ['link.remove'], (inner) =>
    withMembers(inner, { unlink: (namespace, ref) => inner.update(namespace, ref, { links: [] }) }),
  ),
  mutant('unlink.nothing', 'unlink() takes nothing away', ['link.remove'], (inner) =>
    withMembers(inner, { unlink: (namespace, ref) => inner.update(namespace, ref, {}) }),
  ),
  mutant('linked.oldest', 'linked() gives the oldest first', ['linked.many'], (inner) =>
    withMembers(inner, {
      linked: async (...input) => (await inner.linked(...input)).map((records) => [...records].reverse()),
    }),
  ),
  mutant('linked.unlimited', 'linked() ignores its limit', ['linked.many'], (inner) =>
    withMembers(inner, { linked: (namespace, targets) => inner.linked(namespace, targets, 1_000) }),
  ),
  mutant(
    'linked.distinct',
    'linked() answers once for a target that is asked for twice',
    ['linked.exact', 'linked.repeats'],
    (inner) =>
      withMembers(inner, {
        linked: (namespace, targets, limit) =>
          inner.linked(
            namespace,
            [...new Map(targets.map((one) => [`${one.kind} ${one.target}`, one])).values()],
            limit,
          ),
      }),
  ),
  mutant('linked.everywhere', 'linked() looks into other namespaces', ['linked.namespaces'], (inner) =>
    withMembers(inner, {
      async linked(namespace, targets, limit) {
        const here = await inner.linked(namespace, targets, limit)
        const there = await inner.linked('beta', targets, limit)
        return namespace === 'beta' ? here : here.map((records, at) => [...records, ...(there[at] ?? [])])
      },
    }),
  ),
  mutant('linked.joined', 'links are compared as one text', ['linked.exact'], (inner) => joinedLinks(inner)),
]

/** Looks kind and target up as one text, so that `a b`, `c` is the same as `a`, `b c`. */
function joinedLinks(inner: Catalog): Catalog {
  return withMembers(inner, {
    async linked(namespace, targets, limit) {
      const { records } = await inner.list(namespace, { limit: 100 })
      const text = (link: LinkTarget): string => `${link.kind} ${link.target}`.slice(0, 500)
      return targets.map((target) =>
        records.filter(({ links }) => links.some((link) => text(link) === text(target))).slice(0, limit),
      )
    },
  })
}

function placeholder(): MediaRecord {
  const now = new Date()
  return {
    id: newId(),
    namespace: 'alpha',
    owner: 'nobody',
    visibility: 'private',
    revision: 1,
    tags: [],
    metadata: {},
    links: [],
    createdAt: now,
    updatedAt: now,
    content: {
      number: 1,
      state: 'active',
      blobId: newId(),
      sizeBytes: 0,
      contentType: 'image/png',
      filename: 'file',
      facts: {},
      createdAt: now,
      placements: [],
    },
  }
}
