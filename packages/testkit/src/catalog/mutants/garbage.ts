import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

/** Faults of garbage collection. */
export const garbageMutants: readonly CatalogMutant[] = [
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
  mutant('gc.drops-live', 'whatever is named is dropped', ['gc.drop-live'], (inner, tables) =>
    withMembers(inner, {
      async dropPlacements(ids) {
        for (const id of ids) {
          const placement = tables.placements.get(id)
          if (placement !== undefined) {
            placement.blob.placements.delete(placement)
            tables.placements.delete(id)
          }
        }
        await inner.dropPlacements(ids)
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
  mutant(
    'gc.claims-live',
    'live bytes are condemned',
    ['gc.staged', 'gc.nothing', 'model.walk.3'],
    (inner, tables) =>
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
]
