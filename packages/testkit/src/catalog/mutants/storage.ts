import { type CatalogUsage, isMediaError, type MediaRecord, newId } from '@mediakeep/core'
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

/** Faults of garbage collection, sums, opening and closing, and texts. */
export const storageMutants: readonly CatalogMutant[] = [
  mutant('gc.no-grace', 'garbage is claimed without grace', ['gc.forgiven', 'gc.redundant'], (inner) =>
    withMembers(inner, { claimGarbage: ({ limit }) => inner.claimGarbage({ graceMs: 0, limit }) }),
  ),
  mutant('gc.eager', 'the bytes of a deleted record go at once', ['gc.claim-again'], (inner) =>
    withMembers(inner, {
      async delete(namespace, ref, options) {
        const record = await inner.delete(namespace, ref, options)
        await inner.condemn({ limit: 1_000 })
        const claimed = await inner.claimGarbage({ graceMs: 0, limit: 1_000 })
        await inner.dropPlacements(claimed.map(({ id }) => id))
        return record
      },
    }),
  ),
  mutant(
    'gc.ignores-others',
    'a deletion takes the bytes of other records with it',
    ['gc.shared', 'handles.collector'],
    (inner, tables) =>
      withMembers(inner, {
        async delete(namespace, ref, options) {
          const record = await inner.delete(namespace, ref, options)
          const blob = record === undefined ? undefined : tables.blobs.get(record.content.blobId)
          if (blob !== undefined) {
            blob.contents.clear()
            tables.unreferenced.add(blob)
          }
          return record
        },
      }),
  ),
  mutant('gc.claims-live', 'live bytes are condemned', ['gc.staged', 'gc.nothing'], (inner, tables) =>
    withMembers(inner, {
      condemn(options) {
        for (const blob of tables.blobs.values()) tables.unreferenced.add(blob)
        return inner.condemn(options)
      },
    }),
  ),
  mutant(
    'gc.no-pins',
    'condemnation looks at records only, not at sessions',
    ['gc.pinned', 'gc.staged'],
    (inner, tables) =>
      withMembers(inner, {
        condemn(options) {
          for (const blob of tables.blobs.values())
            if (blob.contents.size === 0) tables.unreferenced.add(blob)
          return inner.condemn(options)
        },
      }),
  ),
  mutant(
    'gc.no-second-look',
    'what was condemned goes, whoever has come to need it',
    ['gc.resurrected'],
    (inner, tables) => {
      const condemned = new Map<string, number>()
      return withMembers(inner, {
        async condemn(options) {
          const done = await inner.condemn(options)
          for (const blob of tables.blobs.values()) {
            if (blob.condemnedAtMs !== undefined && !condemned.has(blob.id))
              condemned.set(blob.id, blob.condemnedAtMs)
          }
          return done
        },
        async claimGarbage(options) {
          for (const [id, atMs] of condemned) {
            const blob = tables.blobs.get(id)
            if (blob === undefined) continue
            blob.condemnedAtMs = atMs
            tables.unreferenced.add(blob)
          }
          return inner.claimGarbage(options)
        },
      })
    },
  ),
  mutant(
    'gc.condemns-again',
    'condemning again starts the grace anew',
    ['gc.condemn-once'],
    (inner, tables) =>
      withMembers(inner, {
        condemn(options) {
          for (const blob of tables.unreferenced) blob.condemnedAtMs = undefined
          return inner.condemn(options)
        },
      }),
  ),
  mutant('gc.condemns-none', 'condemn() does nothing', ['delete.absent'], (inner) =>
    withMembers(inner, { condemn: async () => ({ condemned: 0, more: false }) }),
  ),
  mutant('gc.condemns-all', 'condemn() ignores its limit', ['gc.limits'], (inner) =>
    withMembers(inner, { condemn: () => inner.condemn({ limit: 1_000 }) }),
  ),
  mutant('gc.claims-none', 'claimGarbage() claims nothing', ['replace.absent-id'], (inner) =>
    withMembers(inner, { claimGarbage: async () => [] }),
  ),
  mutant('gc.claims-all', 'claimGarbage() ignores its limit', ['gc.limits'], (inner) =>
    withMembers(inner, { claimGarbage: ({ graceMs }) => inner.claimGarbage({ graceMs, limit: 1_000 }) }),
  ),
  mutant(
    'gc.claims-once',
    'what was claimed is not claimed again',
    ['gc.claim-again', 'gc.nothing'],
    (inner) => {
      const claimed = new Set<string>()
      return withMembers(inner, {
        async claimGarbage(options) {
          const found = (await inner.claimGarbage(options)).filter(({ id }) => !claimed.has(id))
          for (const { id } of found) claimed.add(id)
          return found
        },
      })
    },
  ),
  mutant(
    'gc.claims-bad',
    'a bad placement goes though its bytes are in use',
    ['gc.bad-kept'],
    (inner, tables) =>
      withMembers(inner, {
        async markBad(id) {
          await inner.markBad(id)
          const placement = tables.placements.get(id)
          if (placement === undefined) return
          placement.state = 'leaving'
          tables.leaving.add(placement)
        },
      }),
  ),
  mutant('gc.drops-nothing', 'dropPlacements() does nothing', ['replace.absent-id'], (inner) =>
    withMembers(inner, { dropPlacements: async () => {} }),
  ),
  mutant(
    'gc.drops-blobs',
    'a blob goes with its placement, whoever needs it',
    ['gc.claimed-then-put', 'race.collector'],
    (inner, tables) =>
      withMembers(inner, {
        async dropPlacements(ids) {
          const blobs = ids.map((id) => tables.placements.get(id)?.blob)
          await inner.dropPlacements(ids)
          for (const blob of blobs) if (blob !== undefined) tables.blobs.delete(blob.id)
        },
      }),
  ),
  mutant('gc.keeps-blobs', 'the row of a blob stays when its bytes have gone', ['gc.grace'], (inner) => {
    const kept = new Map<string, Uint8Array>()
    return withMembers(inner, {
      async stagePlacement(input) {
        const staged = await inner.stagePlacement(input)
        if (staged.type === 'staged') kept.set(staged.blobId, input.chunkSums)
        return staged
      },
      chunkSums: async (blobId) => kept.get(blobId),
    })
  }),
  mutant(
    'gc.keeps-replaced',
    'the bytes that a replacement supersedes are never given up',
    ['usage.type'],
    (inner, tables) =>
      withMembers(inner, {
        async commitContent(input) {
          const { at, namespace } = input.media
          const before = at === undefined ? undefined : await inner.get(namespace, at)
          const committed = await inner.commitContent(input)
          const blob = before === undefined ? undefined : tables.blobs.get(before.content.blobId)
          if (blob !== undefined) tables.unreferenced.delete(blob)
          return committed
        },
      }),
  ),
  mutant(
    'gc.forgets-staged',
    'what a session staged and did not commit is never given up',
    ['gc.abandoned', 'gc.empty-blob'],
    (inner, tables) =>
      withMembers(inner, {
        async endSession(session) {
          tables.sessions.get(session.id)?.staged.clear()
          await inner.endSession(session)
        },
      }),
  ),
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
        const metadata = JSON.parse(JSON.stringify(input.media.metadata ?? {}), (_, value: unknown) =>
          typeof value === 'number' ? Math.fround(value) : value,
        )
        return inner.commitContent({ ...input, media: { ...input.media, metadata } })
      },
    }),
  ),
]
