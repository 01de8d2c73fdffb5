import type { Catalog, MemoryTables } from '@mediakeep/core'
import { beginInput } from '../put.ts'
import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'

type Extension = Parameters<Catalog['extendSession']>[1]

const extending = (inner: Catalog, change: (to: Extension) => Extension): Catalog =>
  withMembers(inner, { extendSession: (session, to) => inner.extendSession(session, change(to)) })

/** Before anything is asked of the session, or after. */
function onUpload(
  tables: MemoryTables,
  id: string,
): { endedAtMs: number | undefined; state: string } | undefined {
  return tables.sessions.get(id)?.upload
}

/** Faults of sessions that outlive a process. */
export const uploadMutants: readonly CatalogMutant[] = [
  mutant('upload.puts-too', 'getSession() tells of puts', ['upload.record'], (inner, tables) =>
    withMembers(inner, {
      async getSession(id) {
        const found = await inner.getSession(id)
        const listed = (await inner.listSessions(tables.sessions.get(id)?.namespace ?? '')).find(
          (session) => session.id === id,
        )
        return found ?? (listed && { ...listed, state: 'created' })
      },
    }),
  ),
  mutant('upload.undeclared', 'what is declared later is lost', ['upload.extend'], (inner) =>
    extending(inner, (to) => without(to, 'declared')),
  ),
  mutant('upload.reset', 'extendSession() begins the state anew', ['upload.extend'], (inner) =>
    extending(inner, (to) => ({ state: 'created', ...to })),
  ),
  mutant('upload.end-by-anyone', 'endSession() asks for no fence', ['upload.claim-fences'], (inner, tables) =>
    withMembers(inner, {
      async endSession({ id }, keep) {
        const fence = tables.sessions.get(id)?.fence
        if (fence !== undefined) await inner.endSession({ id, fence }, keep)
      },
    }),
  ),
  mutant('upload.same-fence', 'a claim changes no fence', ['upload.claim-fences'], (inner, tables) =>
    withMembers(inner, {
      async claimSession(id, claim) {
        const fence = tables.sessions.get(id)?.fence ?? 0
        const claimed = await inner.claimSession(id, claim)
        const row = tables.sessions.get(id)
        if (row !== undefined) row.fence = fence
        return { ...claimed, fence }
      },
    }),
  ),
  mutant('upload.unlocked', 'a lease keeps nobody away', ['upload.claim-locked', 'upload.reopen'], (inner) =>
    withMembers(inner, {
      claimSession: (id, claim) => inner.claimSession(id, { ...claim, force: true }),
    }),
  ),
  mutant('upload.unforced', 'force takes nothing', ['upload.claim-locked'], (inner) =>
    withMembers(inner, { claimSession: (id, { leaseMs }) => inner.claimSession(id, { leaseMs }) }),
  ),
  mutant('upload.stuck', 'a lease is not given back', ['upload.claim-locked'], (inner) =>
    extending(inner, (to) => (to.leaseMs === 0 ? without(to, 'leaseMs') : to)),
  ),
  mutant('upload.revived', 'a claim revives what has ended', ['upload.claim-over'], (inner, tables) =>
    withMembers(inner, {
      async claimSession(id, claim) {
        const upload = onUpload(tables, id)
        if (upload !== undefined) upload.endedAtMs = undefined
        return inner.claimSession(id, claim)
      },
    }),
  ),
  mutant('upload.timeless', 'isSessionLive() knows no time', ['upload.claim-over'], (inner, tables) =>
    withMembers(inner, {
      isSessionLive: async (id) => tables.sessions.has(id) && onUpload(tables, id)?.endedAtMs === undefined,
    }),
  ),
  mutant('upload.unlimited', 'any number may be open', ['upload.max-open'], (inner) =>
    withMembers(inner, {
      beginSession: (input) =>
        inner.beginSession(
          input.upload === undefined ? input : { ...input, upload: without(input.upload, 'maxOpen') },
        ),
    }),
  ),
  mutant(
    'upload.counts-first',
    'the open ones are counted before, and not again',
    ['upload.max-open'],
    (inner) =>
      withMembers(inner, {
        async beginSession(input) {
          const { namespace, upload } = input
          if (upload?.maxOpen === undefined) return inner.beginSession(input)
          const open = (await inner.listSessions(namespace)).length
          const { maxOpen } = upload
          return inner.beginSession({
            ...input,
            upload: { ...upload, maxOpen: open < maxOpen + 2 ? 99 : maxOpen },
          })
        },
      }),
  ),
  mutant('upload.grows', 'a quota is not asked for what an upload grows by', ['upload.quota'], (inner) =>
    extending(inner, (to) =>
      to.reservations === undefined
        ? to
        : { ...to, reservations: to.reservations.map((one) => without(one, 'limitBytes')) },
    ),
  ),
  mutant(
    'upload.reserves-on',
    'what a kept session had reserved stays reserved',
    ['upload.quota', 'upload.kept'],
    (inner) =>
      withMembers(inner, {
        async commitContent(input) {
          const committed = await inner.commitContent(input)
          const { namespace, owner } = input.media
          if (input.keepSession !== undefined)
            await inner.beginSession(
              beginInput({ namespace, owner, reservations: [{ subject: { owner }, bytes: 1 }] }),
            )
          return committed
        },
      }),
  ),
  mutant('upload.kept-open', 'a kept session is listed on', ['upload.kept'], (inner, tables) =>
    withMembers(inner, {
      async listSessions(namespace) {
        const kept = [...tables.sessions.values()].filter(
          (session) => session.namespace === namespace && session.upload?.endedAtMs !== undefined,
        )
        const told = await Promise.all(kept.map(({ id }) => inner.getSession(id)))
        return [...(await inner.listSessions(namespace)), ...told.flatMap((session) => session ?? [])]
      },
    }),
  ),
  mutant('upload.all-active', 'every kept upload is active', ['upload.kept'], (inner, tables) =>
    withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        const upload = onUpload(tables, input.session.id)
        if (upload !== undefined) upload.state = 'active'
        return committed
      },
    }),
  ),
  mutant('upload.untold', 'endSession() keeps nothing', ['upload.end-keep'], (inner) =>
    withMembers(inner, { endSession: (session) => inner.endSession(session) }),
  ),
  mutant('upload.forgotten', 'uploads end with their process', ['upload.reopen'], (inner, tables) =>
    withMembers(inner, {
      async open() {
        await inner.open()
        for (const { id, upload } of tables.sessions.values())
          if (upload !== undefined) tables.sessions.delete(id)
      },
    }),
  ),
]
