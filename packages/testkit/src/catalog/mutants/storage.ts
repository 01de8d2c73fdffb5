import { type CatalogUsage, isMediaError, type JsonValue, type MediaRecord, newId } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers, without, withRecords } from './mutant.ts'

const usages =
  (change: (usage: CatalogUsage) => CatalogUsage, only?: string): CatalogMutant['mutate'] =>
  (inner) =>
    withMembers(inner, {
      async usage(namespace, by) {
        const found = await inner.usage(namespace, by)
        return only === undefined || by === only ? found.map(change) : found
      },
    })

const texts =
  (change: (text: string) => string): CatalogMutant['mutate'] =>
  (inner) =>
    withMembers(inner, {
      commitContent(input) {
        const { media, content } = input
        const at = typeof media.at === 'object' ? { key: change(media.at.key) } : media.at
        return inner.commitContent({
          ...input,
          media: {
            ...media,
            owner: change(media.owner),
            ...(at === undefined ? {} : { at }),
            ...(media.tags === undefined ? {} : { tags: media.tags.map(change) }),
          },
          content: { ...content, filename: change(content.filename) },
        })
      },
    })

/** Faults of sums, of opening and closing, and of texts. */
export const storageMutants: readonly CatalogMutant[] = [
  mutant(
    'usage.once',
    'logical bytes count shared bytes once',
    ['usage.owner'],
    usages((one) => ({ ...one, logicalBytes: one.storedBytes })),
  ),
  mutant(
    'usage.each',
    'stored bytes count shared bytes each time',
    ['usage.owner'],
    usages((one) => ({ ...one, storedBytes: one.logicalBytes })),
  ),
  mutant(
    'usage.no-type',
    'usage() by type gives the major type',
    ['usage.type'],
    usages((one) => ({ ...one, name: one.name.split('/')[0] ?? '' }), 'type'),
  ),
  mutant('usage.cached', 'usage() never changes', ['usage.follows'], (inner) => {
    let first: readonly CatalogUsage[] | undefined
    return withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        first = await inner.usage('alpha', 'owner')
        return committed
      },
      usage: async (namespace, by) =>
        by === 'owner' && namespace === 'alpha' ? (first ?? []) : inner.usage(namespace, by),
    })
  }),
  mutant(
    'usage.tiers-mixed',
    'usage() by tier does not tell tiers apart',
    ['usage.tier'],
    usages((one) => ({ ...one, name: 'disk' }), 'tier'),
  ),
  mutant('usage.volumes-zero', 'volumeUsage() gives no sums', ['stage.existing', 'usage.volumes'], (inner) =>
    withMembers(inner, {
      volumeUsage: async () =>
        (await inner.volumeUsage()).map((usage) => ({
          ...usage,
          storedBytes: 0,
          objects: 0,
          reservedBytes: 0,
        })),
    }),
  ),
  mutant('usage.drops-late', 'bytes stop to count when they are claimed', ['gc.usage'], (inner) => {
    let claimedBytes = 0
    return withMembers(inner, {
      async claimGarbage(options) {
        const claimed = await inner.claimGarbage(options)
        for (const { storedBytes } of claimed) claimedBytes += storedBytes
        return claimed
      },
      volumeUsage: async () =>
        (await inner.volumeUsage()).map((usage) => ({
          ...usage,
          storedBytes: Math.max(0, usage.storedBytes - claimedBytes),
        })),
    })
  }),
  mutant(
    'usage.quota-stored',
    'a quota counts nothing that is stored',
    ['reserve.owner-logical', 'reserve.owner-moves', 'reserve.stored-counts'],
    (inner, tables) =>
      withMembers(inner, {
        beginSession(input) {
          for (const namespace of tables.namespaces.values()) namespace.ownerBytes.clear()
          return inner.beginSession(input)
        },
      }),
  ),
  mutant('usage.quota-stays', "a record's bytes stay with its first owner", ['usage.follows'], (inner) => {
    const first = new Map<string, string>()
    return withMembers(inner, {
      async update(namespace, ref, change, options) {
        const before = await inner.get(namespace, ref)
        if (before !== undefined && change.owner !== undefined) {
          first.set(before.id, before.owner)
          return inner.update(namespace, ref, without(change, 'owner'), options)
        }
        return inner.update(namespace, ref, change, options)
      },
    })
  }),
  mutant(
    'race.records-commit-twice',
    'a commit that is sent twice counts twice',
    ['race.commit-once'],
    (inner) => {
      const sent = new Map<string, Parameters<typeof inner.stagePlacement>[0]>()
      return withMembers(inner, {
        async stagePlacement(input) {
          const staged = await inner.stagePlacement(input)
          if (staged.type === 'staged') sent.set(staged.session.id, input)
          return staged
        },
        async commitContent(input) {
          try {
            return await inner.commitContent(input)
          } catch (error) {
            const first = sent.get(input.session.id)
            if (first === undefined || !isMediaError(error, 'MEDIA_LEASE_LOST')) throw error
            const session = {
              id: newId(),
              namespace: input.media.namespace,
              owner: input.media.owner,
              ttlMs: 60_000,
            }
            const ids = { placementId: newId(), key: newId() }
            const again = await inner.stagePlacement({ ...first, ...ids, session })
            if (again.type === 'repeated') throw error
            const media = { ...input.media, newId: newId() }
            const placement =
              again.existing.length > 0 ? {} : { placement: { id: ids.placementId, storedBytes: 0 } }
            return inner.commitContent({
              ...without(input, 'placement'),
              ...placement,
              session: again.session,
              blobId: again.blobId,
              media,
            })
          }
        },
      })
    },
  ),
  mutant(
    'race.numbers',
    'two replacements at once get one number',
    ['race.one-key', 'replace.pending'],
    (inner) => {
      let last = 0
      return withRecords(inner, (record) => {
        last = Math.max(last, record.content.number & ~1)
        return { ...record, content: { ...record.content, number: Math.max(1, record.content.number & ~1) } }
      })
    },
  ),
  mutant('close.open', 'close() closes nothing', ['close.twice'], (inner) =>
    withMembers(inner, { close: async () => {}, [Symbol.asyncDispose]: async () => {} }),
  ),
  mutant('close.once', 'close() may be called once', ['close.twice'], (inner) => {
    let isClosed = false
    const close = async (): Promise<void> => {
      if (isClosed) throw new Error('closed already')
      isClosed = true
      await inner.close()
    }
    return withMembers(inner, { close, [Symbol.asyncDispose]: close })
  }),
  mutant('close.no-dispose', 'disposal closes nothing', ['close.dispose'], (inner) =>
    withMembers(inner, { [Symbol.asyncDispose]: async () => {} }),
  ),
  mutant('ping.fails', 'ping() fails', ['ping.answers'], (inner) =>
    withMembers(inner, {
      async ping() {
        await inner.ping()
        throw new Error('no answer')
      },
    }),
  ),
  mutant(
    'open.forgets',
    'opening starts from nothing',
    ['idempotency.reopen', 'reopen.records', 'reopen.sessions'],
    (inner, tables) =>
      withMembers(inner, {
        async open() {
          await inner.open()
          for (const table of [tables.media, tables.namespaces, tables.sessions, tables.idempotency])
            table.clear()
        },
      }),
  ),
  mutant(
    'open.private',
    'a handle keeps its records for itself until it is closed',
    ['handles.see'],
    (inner) => {
      const seen = new Map<string, MediaRecord | undefined>()
      return withMembers(inner, {
        async commitContent(input) {
          const committed = await inner.commitContent(input)
          seen.set(committed.record.id, committed.record)
          return committed
        },
        async get(namespace, ref) {
          const own = typeof ref === 'string' ? seen.get(ref) : undefined
          const found = await inner.get(namespace, ref)
          return found !== undefined && own !== undefined && found.owner !== own.owner ? own : found
        },
      })
    },
  ),
  mutant('volumes.none', 'registerVolume() keeps nothing', ['volumes.list'], (inner) =>
    withMembers(inner, { listVolumes: async () => [] }),
  ),
  mutant(
    'volumes.repeats',
    'a volume that is registered again is listed again',
    ['volumes.again'],
    (inner) => {
      const listed: { id: string; tier: string; layout: number }[] = []
      return withMembers(inner, {
        async registerVolume(volume) {
          await inner.registerVolume(volume)
          listed.push({ ...volume })
        },
        listVolumes: async () => listed,
      })
    },
  ),
  mutant('volumes.moved', 'a volume may change its tier', ['volumes.other-tier'], (inner) =>
    withMembers(inner, {
      async registerVolume(volume) {
        try {
          await inner.registerVolume(volume)
        } catch (error) {
          if (!isMediaError(error, 'MEDIA_CONFLICT')) throw error
        }
      },
    }),
  ),
  mutant(
    'texts.trimmed',
    'texts are trimmed',
    ['hostile.kept'],
    texts((text) => text.trim()),
  ),
  mutant(
    'texts.normalised',
    'texts are normalised',
    ['hostile.kept'],
    texts((text) => text.normalize('NFC')),
  ),
  mutant(
    'texts.cut-at-nul',
    'texts end at a NUL',
    ['hostile.nul'],
    texts((text) => text.split('\0')[0] ?? ''),
  ),
  mutant(
    'texts.control',
    'control characters are taken for spaces',
    ['hostile.kept'],
    texts((text) => text.replaceAll('\u0001', ' ')),
  ),
  mutant(
    'texts.short',
    'texts are cut',
    ['hostile.large'],
    texts((text) => text.slice(0, 2_000)),
  ),
  mutant(
    'texts.lower-case',
    'texts are compared in lower case',
    ['hostile.large'],
    texts((text) => text.toLowerCase()),
  ),
  mutant('texts.floats', 'numbers are kept in 32 bits', ['hostile.numbers'], (inner) =>
    withMembers(inner, {
      commitContent(input) {
        const metadata = Object.fromEntries(
          Object.entries(input.media.metadata ?? {}).map(([name, value]) => [name, inFloats(value)]),
        )
        return inner.commitContent({ ...input, media: { ...input.media, metadata } })
      },
    }),
  ),
]

function inFloats(value: JsonValue): JsonValue {
  if (typeof value === 'number') return Math.fround(value)
  return Array.isArray(value) ? value.map((member: JsonValue) => inFloats(member)) : value
}
