import { type Catalog, type LinkTarget, type MediaRecord, newId } from '@mediakeep/core'
import { type CatalogMutant, mutant, namespaceOfId, withMembers, without, withRecords } from './mutant.ts'

/** Faults of update(), delete() and links. */
export const changeMutants: readonly CatalogMutant[] = [
  mutant('update.nothing', 'update() changes nothing', ['race.rename'], (inner) =>
    withMembers(inner, { update: (namespace, ref, _, options) => inner.update(namespace, ref, {}, options) }),
  ),
  mutant(
    'update.unconditional',
    'update() ignores `ifRevision`',
    ['update.revision', 'model.walk.2'],
    (inner) =>
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
    ['update.key-taken', 'model.walk.1'],
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
