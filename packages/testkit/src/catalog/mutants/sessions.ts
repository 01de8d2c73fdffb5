import { type Catalog, isMediaError, newId, type Reservation, type StagePlacement } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'

/** Without the limits of volumes. */
const unlimited = (reservations: readonly Reservation[] = []): Reservation[] =>
  reservations.map((one) => ('volumeId' in one.subject ? without(one, 'limitBytes') : one))

/** Only reservations for what `keeps` says keep their limit. */
function limiting(inner: Catalog, keeps: (reservation: Reservation) => boolean): Catalog {
  const loosen = (reservations: readonly Reservation[] = []): Reservation[] =>
    reservations.map((one) => (keeps(one) ? one : without(one, 'limitBytes')))
  return withMembers(inner, {
    beginSession: (input) => inner.beginSession({ ...input, reservations: loosen(input.reservations) }),
    extendSession: (session, to) =>
      inner.extendSession(
        session,
        to.reservations === undefined ? to : { ...to, reservations: loosen(to.reservations) },
      ),
    stagePlacement: (input) =>
      inner.stagePlacement(
        onBegin(input, (begin) => ({ ...begin, reservations: loosen(begin.reservations) })),
      ),
  })
}

type Begin = Exclude<StagePlacement['session'], { readonly fence: number }>

function onBegin(input: StagePlacement, change: (begin: Begin) => Begin): StagePlacement {
  return 'fence' in input.session ? input : { ...input, session: change(input.session) }
}

/** Faults of sessions, reservations, staging and idempotency. */
export const sessionMutants: readonly CatalogMutant[] = [
  mutant('session.short', 'sessions end sooner than asked for', ['session.record'], (inner) =>
    withMembers(inner, { beginSession: (input) => inner.beginSession({ ...input, ttlMs: input.ttlMs / 2 }) }),
  ),
  mutant('session.undeclared', 'what was declared is lost', ['stage.begins'], (inner) =>
    withMembers(inner, {
      beginSession: (input) => inner.beginSession(without(input, 'declared')),
      stagePlacement: (input) => inner.stagePlacement(onBegin(input, (begin) => without(begin, 'declared'))),
    }),
  ),
  mutant('session.taken-over', 'a session id that is in use begins again', ['session.taken'], (inner) => {
    return withMembers(inner, {
      async beginSession(input) {
        for (const session of await inner.listSessions(input.namespace)) {
          if (session.id === input.id) await inner.endSession(session)
        }
        return inner.beginSession(input)
      },
    })
  }),
  mutant('session.lists-all', 'listSessions() shows all namespaces', ['session.list'], (inner) =>
    withMembers(inner, {
      listSessions: async () => [
        ...(await inner.listSessions('alpha')),
        ...(await inner.listSessions('beta')),
      ],
    }),
  ),
  mutant(
    'session.immortal',
    'isSessionLive() says yes to all',
    ['reserve.refused-leaves-nothing', 'session.live'],
    (inner) => withMembers(inner, { isSessionLive: async () => true }),
  ),
  mutant('session.unfenced', 'the fence is not checked', ['session.fence'], (inner, tables) => {
    const fenced = (session: { readonly id: string; readonly fence: number }) => ({
      id: session.id,
      fence: tables.sessions.get(session.id)?.fence ?? session.fence,
    })
    return withMembers(inner, {
      extendSession: (session, to) => inner.extendSession(fenced(session), to),
      endSession: (session) => inner.endSession(fenced(session)),
      commitContent: (input) => inner.commitContent({ ...input, session: fenced(input.session) }),
    })
  }),
  mutant('session.not-extended', 'extendSession() moves nothing', ['session.extend'], (inner, tables) =>
    withMembers(inner, {
      async extendSession(session, to) {
        const before = tables.sessions.get(session.id)?.expiresAtMs
        const extended = await inner.extendSession(session, to)
        const row = tables.sessions.get(session.id)
        if (row !== undefined && before !== undefined) row.expiresAtMs = before
        return { ...extended, expiresAt: new Date(before ?? 0) }
      },
    }),
  ),
  mutant('session.endless', 'endSession() ends nothing', ['idempotency.race'], (inner) =>
    withMembers(inner, { endSession: async () => {} }),
  ),
  mutant(
    'session.end-throws',
    'endSession() of what has ended fails',
    ['session.commit-ends', 'session.end'],
    (inner) =>
      withMembers(inner, {
        async endSession(session) {
          if (!(await inner.isSessionLive(session.id))) throw new Error('no such session')
          await inner.endSession(session)
        },
      }),
  ),
  mutant('session.expires-none', 'expireSessions() ends nothing', ['session.expire-limit'], (inner) =>
    withMembers(inner, { expireSessions: async () => [] }),
  ),
  mutant(
    'session.expires-in-word',
    'expireSessions() names sessions and does not end them',
    ['session.expired-commit', 'session.expired-existing'],
    (inner) =>
      withMembers(inner, {
        async expireSessions({ limit }) {
          const sessions = (await inner.listSessions('alpha')).slice(0, limit)
          return sessions.length > 1 ? inner.expireSessions({ limit }) : sessions
        },
      }),
  ),
  mutant('session.expires-all', 'expireSessions() ends live sessions too', ['session.expire'], (inner) =>
    withMembers(inner, {
      async expireSessions() {
        const sessions = [...(await inner.listSessions('alpha')), ...(await inner.listSessions('beta'))]
        for (const session of sessions) await inner.endSession(session)
        return sessions
      },
    }),
  ),
  mutant(
    'session.expires-unlimited',
    'expireSessions() ignores its limit',
    ['session.expire-limit'],
    (inner) => withMembers(inner, { expireSessions: () => inner.expireSessions({ limit: 1_000 }) }),
  ),
  mutant('session.revived', 'a commit revives the session that was lost', ['session.end'], (inner) =>
    withMembers(inner, {
      async commitContent(input) {
        try {
          return await inner.commitContent(input)
        } catch (error) {
          if (!isMediaError(error, 'MEDIA_LEASE_LOST')) throw error
          return commitAnyway(inner, input)
        }
      },
    }),
  ),
  mutant('reserve.no-volume-limit', 'limits of volumes are ignored', ['reserve.stage-refused'], (inner) =>
    limiting(inner, ({ subject }) => 'owner' in subject),
  ),
  mutant(
    'reserve.no-quota',
    'quotas of owners are ignored',
    ['idempotency.refused-begin', 'reserve.unlimited'],
    (inner) => limiting(inner, ({ subject }) => 'volumeId' in subject),
  ),
  mutant('reserve.not-held', 'what is reserved is not held', ['reserve.owner'], (inner) =>
    withMembers(inner, {
      async beginSession(input) {
        const begun = await inner.beginSession(input)
        if (begun.type === 'begun') await zero(inner, begun.session, input.reservations)
        return begun
      },
    }),
  ),
  mutant(
    'reserve.never-released',
    'what was reserved stays reserved',
    ['reserve.parallel-extend'],
    (inner, tables) =>
      withMembers(inner, {
        async endSession(session) {
          const held = [...(tables.sessions.get(session.id)?.reservations.values() ?? [])]
          await inner.endSession(session)
          for (const { subject, bytes } of held) {
            if ('volumeId' in subject) {
              const volume = tables.volumes.get(subject.volumeId)
              if (volume !== undefined) volume.reservedBytes += bytes
            }
          }
        },
      }),
  ),
  mutant(
    'reserve.half',
    'a refused session leaves its first reservation',
    ['reserve.parallel', 'reserve.unlimited', 'reserve.volume'],
    (inner, tables) =>
      withMembers(inner, {
        async beginSession(input) {
          try {
            return await inner.beginSession(input)
          } catch (error) {
            const first = input.reservations?.[0]?.subject
            const volume =
              first !== undefined && 'volumeId' in first ? tables.volumes.get(first.volumeId) : undefined
            if (volume !== undefined) volume.reservedBytes += 1
            throw error
          }
        },
      }),
  ),
  mutant(
    'reserve.extend-adds',
    'extendSession() adds to what is reserved',
    ['reserve.extend'],
    (inner, tables) =>
      withMembers(inner, {
        extendSession(session, to) {
          const held = tables.sessions.get(session.id)?.reservations
          const reservations = to.reservations?.map((one) => {
            const bytes = held?.get(
              JSON.stringify(
                Object.entries(one.subject)
                  .map(([k, v]) => (k === 'volumeId' ? ['volume', v] : [k, v]))
                  .flat(),
              ),
            )?.bytes
            return { ...one, bytes: one.bytes + (bytes ?? 0) }
          })
          return inner.extendSession(session, reservations === undefined ? to : { ...to, reservations })
        },
      }),
  ),
  mutant(
    'reserve.looks-first',
    'limits are checked before the reservation, not in it',
    ['reserve.parallel'],
    (inner) =>
      withMembers(inner, {
        async beginSession(input) {
          if (!(await fits(inner, input.reservations))) return inner.beginSession(input)
          await new Promise((resolve) => setImmediate(resolve))
          return inner.beginSession({ ...input, reservations: unlimited(input.reservations) })
        },
      }),
  ),
  mutant(
    'reserve.extend-looks-first',
    'limits are checked before the extension, not in it',
    ['reserve.parallel-extend'],
    (inner) =>
      withMembers(inner, {
        async extendSession(session, to) {
          if (!(await fits(inner, to.reservations))) return inner.extendSession(session, to)
          await new Promise((resolve) => setImmediate(resolve))
          return inner.extendSession(session, { ...to, reservations: unlimited(to.reservations) })
        },
      }),
  ),
  mutant(
    'reserve.shared-quota',
    'a quota counts over all namespaces',
    ['idempotency.owners', 'reserve.owner-namespace'],
    (inner) =>
      withMembers(inner, {
        beginSession: (input) => inner.beginSession({ ...input, namespace: 'alpha' }),
      }),
  ),
  mutant('stage.no-dedupe', 'equal bytes are stored again', ['race.one-blob', 'stage.new'], (inner) =>
    withMembers(inner, { stagePlacement: (input) => inner.stagePlacement({ ...input, domain: newId() }) }),
  ),
  mutant('stage.one-domain', 'bytes are shared across domains', ['stage.domains'], (inner) =>
    withMembers(inner, { stagePlacement: (input) => inner.stagePlacement({ ...input, domain: '' }) }),
  ),
  mutant('stage.trusts', 'a distrusted placement is given again', ['stage.distrust'], (inner) =>
    withMembers(inner, { stagePlacement: (input) => inner.stagePlacement(without(input, 'distrust')) }),
  ),
  mutant('stage.reuses', 'a physical key is used again', ['stage.taken'], (inner) =>
    withMembers(inner, {
      async stagePlacement(input) {
        try {
          return await inner.stagePlacement(input)
        } catch (error) {
          if (!isMediaError(error, 'MEDIA_CONFLICT')) throw error
          return inner.stagePlacement({ ...input, key: newId(), placementId: newId() })
        }
      },
    }),
  ),
  mutant('stage.staged-counts', 'a staged placement is given as one to use', ['stage.new'], (inner, tables) =>
    withMembers(inner, {
      async stagePlacement(input) {
        const staged = await inner.stagePlacement(input)
        if (staged.type === 'repeated' || staged.existing.length > 0) return staged
        const blob = tables.blobs.get(staged.blobId)
        const other = [...(blob?.placements ?? [])].find(
          ({ id, state }) => state === 'staged' && id !== input.placementId,
        )
        if (other === undefined) return staged
        const { blob: _, leavingSinceMs: _l, etag: _e, ...rest } = other
        return { ...staged, existing: [{ ...rest, blobId: staged.blobId }] }
      },
    }),
  ),
  mutant('stage.sums-lost', 'chunk sums are not kept', ['gc.dropped-then-put'], (inner) =>
    withMembers(inner, { chunkSums: async () => undefined }),
  ),
  mutant(
    'stage.sums-shared',
    'chunk sums are handed out as they are',
    ['close.refuses', 'stage.chunk-sums'],
    (inner, tables) =>
      withMembers(inner, { chunkSums: async (blobId) => tables.blobs.get(blobId)?.chunkSums }),
  ),
  mutant('bad.served', 'markBad() does nothing', ['stage.mark-bad'], (inner) =>
    withMembers(inner, { markBad: async () => {} }),
  ),
  mutant(
    'commit.redundant-live',
    'a redundant placement is reported as one that is needed',
    ['commit.redundant'],
    (inner) =>
      withMembers(inner, {
        commitContent: async (input) => ({ ...(await inner.commitContent(input)), redundant: false }),
      }),
  ),
  mutant(
    'commit.unpinned',
    'a session may commit bytes that it did not stage',
    ['commit.foreign-blob'],
    (inner, tables) =>
      withMembers(inner, {
        commitContent(input) {
          const session = tables.sessions.get(input.session.id)
          const blob = tables.blobs.get(input.blobId)
          if (session !== undefined && blob !== undefined) session.pins.add(blob)
          return inner.commitContent(input)
        },
      }),
  ),
  mutant(
    'commit.trusts-gone',
    'a commit uses a placement that went bad',
    ['commit.existing-gone'],
    (inner, tables) =>
      withMembers(inner, {
        commitContent(input) {
          for (const placement of tables.blobs.get(input.blobId)?.placements ?? []) {
            if (placement.state === 'bad') placement.state = 'live'
          }
          return inner.commitContent(input)
        },
      }),
  ),
  mutant('commit.one-volume', 'placements are said to be on one volume', ['commit.other-volume'], (inner) =>
    withMembers(inner, {
      stagePlacement: (input) => inner.stagePlacement({ ...input, volumeId: 'kit-disk' }),
    }),
  ),
  mutant(
    'idempotency.none',
    'idempotency keys are ignored',
    ['idempotency.expired-session', 'idempotency.locked', 'idempotency.race', 'idempotency.repeated'],
    (inner) =>
      withMembers(inner, {
        beginSession: (input) => inner.beginSession(without(input, 'idempotencyKey')),
        stagePlacement: (input) =>
          inner.stagePlacement(onBegin(input, (begin) => without(begin, 'idempotencyKey'))),
      }),
  ),
  mutant('idempotency.global', 'idempotency keys are shared by all owners', ['hostile.namespaces'], (inner) =>
    withMembers(inner, {
      beginSession: (input) => inner.beginSession({ ...input, owner: 'ann' }),
      stagePlacement: (input) =>
        inner.stagePlacement(onBegin(input, (begin) => ({ ...begin, owner: 'ann' }))),
    }),
  ),
  mutant(
    'idempotency.stuck',
    'the key of a put that failed stays in use',
    ['idempotency.failed', 'idempotency.refused-begin'],
    (inner) => {
      const used = new Set<string>()
      const check = (key: string | undefined): void => {
        if (key !== undefined && used.has(key)) throw new Error('the key is in use')
        if (key !== undefined) used.add(key)
      }
      return withMembers(inner, {
        async beginSession(input) {
          check(input.idempotencyKey)
          return inner.beginSession(input)
        },
        async stagePlacement(input) {
          if (!('fence' in input.session)) check(input.session.idempotencyKey)
          return inner.stagePlacement(input)
        },
      })
    },
  ),
  mutant('idempotency.forever', 'outcomes never grow old', ['idempotency.day'], (inner) => {
    const outcomes = new Map<string, string>()
    return withMembers(inner, {
      async beginSession(input) {
        const begun = await inner.beginSession(input)
        const mediaId = outcomes.get(input.idempotencyKey ?? '')
        if (begun.type === 'repeated' && input.idempotencyKey !== undefined) {
          outcomes.set(input.idempotencyKey, begun.mediaId)
        }
        return mediaId === undefined ? begun : { type: 'repeated', mediaId }
      },
    })
  }),
]

/** Stages the bytes of a lost session once more, under the same names, and commits them. */
async function commitAnyway(
  inner: Catalog,
  input: Parameters<Catalog['commitContent']>[0],
): ReturnType<Catalog['commitContent']> {
  const placementId = newId()
  const staged = await inner.stagePlacement({
    session: { id: newId(), namespace: input.media.namespace, owner: input.media.owner, ttlMs: 60_000 },
    domain: newId(),
    digest: `sha256:${'0'.repeat(64)}`,
    sizeBytes: 0,
    chunkSums: new Uint8Array(),
    volumeId: 'kit-disk',
    placementId,
    key: newId(),
  })
  if (staged.type === 'repeated') throw new Error('a fresh session repeats')
  const placement = { id: placementId, storedBytes: 0 }
  return inner.commitContent({ ...input, session: staged.session, blobId: staged.blobId, placement })
}

/** Whether the volumes have room at this moment. */
async function fits(inner: Catalog, reservations: readonly Reservation[] = []): Promise<boolean> {
  const usage = await inner.volumeUsage()
  return reservations.every(({ subject, bytes, limitBytes = Number.POSITIVE_INFINITY }) => {
    const volume = usage.find(({ volumeId }) => 'volumeId' in subject && volumeId === subject.volumeId)
    return volume === undefined || volume.storedBytes + volume.reservedBytes + bytes <= limitBytes
  })
}

async function zero(
  inner: Catalog,
  session: { readonly id: string; readonly fence: number },
  reservations: readonly Reservation[] = [],
): Promise<void> {
  await inner.extendSession(session, {
    ttlMs: 3_600_000,
    reservations: reservations.map(({ subject }) => ({ subject, bytes: 0 })),
  })
}
