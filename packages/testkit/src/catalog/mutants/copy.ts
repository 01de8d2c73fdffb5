import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

/** Faults of making a further copy. */
export const copyMutants: readonly CatalogMutant[] = [
  mutant(
    'copy.unverified',
    'a copy that was checked on the way is not verified',
    ['copy.made'],
    (inner, tables) =>
      withMembers(inner, {
        async commitCopy(input) {
          const done = await inner.commitCopy(input)
          const placement = tables.placements.get(input.placement.id)
          if (placement !== undefined) placement.verifiedAtMs = undefined
          return done
        },
      }),
  ),
  mutant('copy.no-etag', 'commitCopy() drops the etag', ['copy.made'], (inner) =>
    withMembers(inner, {
      commitCopy: ({ session, placement: { id, storedBytes } }) =>
        inner.commitCopy({ session, placement: { id, storedBytes } }),
    }),
  ),
  mutant('copy.wants-all', 'whatever is pinned is copied', ['copy.unwanted'], (inner, tables) =>
    withMembers(inner, {
      async stageCopy(input) {
        const blob = tables.blobs.get(input.blobId)
        if (blob === undefined || blob.contents.size > 0) return inner.stageCopy(input)
        const [content] = [...tables.media.values()].flatMap(({ contents }) => contents)
        const stand = content ?? {
          mediaId: '',
          number: 1,
          state: 'active',
          blob,
          contentType: '',
          filename: '',
          facts: {},
          createdAtMs: 0,
        }
        blob.contents.add(stand)
        try {
          return await inner.stageCopy(input)
        } finally {
          blob.contents.delete(stand)
        }
      },
    }),
  ),
  mutant('copy.again', 'a copy is made where one is live', ['copy.present'], (inner, tables) =>
    withMembers(inner, {
      async stageCopy(input) {
        const live = [...tables.placements.values()].filter(({ state }) => state === 'live')
        for (const placement of live) placement.state = 'bad'
        try {
          return await inner.stageCopy(input)
        } finally {
          for (const placement of live) placement.state = 'live'
        }
      },
    }),
  ),
  mutant('copy.twice', 'two sessions make one copy at once', ['copy.under-way', 'copy.taken-over'], (inner) =>
    withMembers(inner, { stageCopy: (input) => inner.stageCopy({ ...input, leaseMs: 0 }) }),
  ),
  mutant('copy.behind-puts', 'a put stands in the way of copies', ['copy.put-under-way'], (inner) =>
    withMembers(inner, {
      async stagePlacement(input) {
        const staged = await inner.stagePlacement(input)
        if (staged.type === 'staged') await inner.extendSession(staged.session, { leaseMs: 60_000 })
        return staged
      },
    }),
  ),
  mutant('copy.no-renewal', 'bytes that come do not keep the lease', ['copy.taken-over'], (inner) =>
    withMembers(inner, {
      extendSession: (session, { leaseMs: _leaseMs, ...to }) => inner.extendSession(session, to),
    }),
  ),
  mutant('copy.for-ever', 'the lease of a dead session never ends', ['copy.lease-dies'], (inner, tables) =>
    withMembers(inner, {
      async stageCopy(input) {
        const staged = await inner.stageCopy(input)
        const session = staged.type === 'staged' ? tables.sessions.get(staged.session.id) : undefined
        if (session !== undefined) session.expiresAtMs = Number.MAX_SAFE_INTEGER
        return staged
      },
    }),
  ),
  mutant('copy.lingers', 'a copy that was given up still has its lease', ['copy.over'], (inner, tables) =>
    withMembers(inner, {
      async endSession(session) {
        if ((tables.sessions.get(session.id)?.staged.size ?? 0) === 0) await inner.endSession(session)
      },
    }),
  ),
  mutant('copy.begins-first', 'a refused copy leaves its session', ['copy.refused'], (inner) =>
    withMembers(inner, {
      async stageCopy(input) {
        try {
          return await inner.stageCopy(input)
        } catch (error) {
          const { reservations: _reservations, ...session } = input.session
          await inner.beginSession(session)
          throw error
        }
      },
    }),
  ),
  mutant('copy.no-pin', 'bytes that are being copied may be collected', ['copy.pins'], (inner, tables) =>
    withMembers(inner, {
      async stageCopy(input) {
        const staged = await inner.stageCopy(input)
        const blob = tables.blobs.get(input.blobId)
        if (staged.type === 'staged') blob?.pins.clear()
        return staged
      },
    }),
  ),
  mutant('copy.no-fence', 'commitCopy() does not look at the fence', ['copy.lease-lost'], (inner, tables) =>
    withMembers(inner, {
      commitCopy(input) {
        const fence = tables.sessions.get(input.session.id)?.fence ?? input.session.fence
        return inner.commitCopy({ ...input, session: { ...input.session, fence } })
      },
    }),
  ),
  mutant('copy.two-live', 'two live copies stand on one volume', ['copy.redundant'], (inner, tables) =>
    withMembers(inner, {
      async commitCopy(input) {
        await inner.commitCopy(input)
        const placement = tables.placements.get(input.placement.id)
        if (placement !== undefined) {
          placement.state = 'live'
          tables.leaving.delete(placement)
        }
        return { redundant: false }
      },
    }),
  ),
  mutant('copy.kept', 'an abandoned copy is never given up', ['copy.abandoned'], (inner, tables) =>
    withMembers(inner, {
      async endSession(session) {
        tables.sessions.get(session.id)?.staged.clear()
        await inner.endSession(session)
      },
    }),
  ),
  mutant('copy.no-room', 'a copy does not count on its volume', ['copy.usage'], (inner) =>
    withMembers(inner, {
      async volumeUsage() {
        const usage = await inner.volumeUsage()
        return usage.map((one) => (one.volumeId === 'kit-cold' ? { ...one, storedBytes: 0 } : one))
      },
    }),
  ),
]
