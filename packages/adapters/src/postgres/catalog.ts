import {
  type Catalog,
  checkExternal,
  checkLease,
  checkLeaveCopies,
  checkLedgerDays,
  checkLedgerEntries,
  checkMoveClaim,
  checkMoveOutcome,
  checkNewMoves,
  checkSpend,
  checkSpendReturn,
  refuseUnknown,
} from '@mediakeep/core'
import { type OpenedPool, openPool } from './connection/source.ts'
import { sql } from './connection/statement.ts'
import { createDatabase, type Database } from './database.ts'
import { closedError } from './errors.ts'
import { migrate } from './migrate.ts'
import {
  ACQUIRE_TIMEOUT_MS,
  ADDRESS_OPTIONS,
  ANSWER_TIMEOUT_MS,
  POOL_OPTIONS,
  type PostgresCatalogOptions,
  SCHEMA,
} from './options.ts'
import { blobOf, listCopies, listThinBlobs, selectCopies } from './reads/copies.ts'
import { exportMedia } from './reads/export.ts'
import { listExternal } from './reads/external.ts'
import { linkedRecords, listRecords } from './reads/list.ts'
import { listMoves } from './reads/moves.ts'
import { planGarbage } from './reads/plan.ts'
import { recordOf, selectRecord } from './reads/record.ts'
import { listVolumes, readChunkSums, readUsage, readVolumeUsage, unknownKeys } from './reads/usage.ts'
import { heldContents, listUnscanned, verdictOf } from './reads/verdicts.ts'
import { commitContent } from './writes/commit.ts'
import { commitCopy, markVerified, stageCopy } from './writes/copies.ts'
import { forgetExternal, registerExternal } from './writes/external.ts'
import { claimGarbage, condemn, dropPlacements } from './writes/garbage.ts'
import { importMedia } from './writes/import.ts'
import { learnDigest } from './writes/learn.ts'
import { leaveCopies } from './writes/leave.ts'
import { addToLedger, readLedger, reserveSpend, returnSpend } from './writes/ledger.ts'
import { claimMoves, planMoves, settleMove, withdrawMoves } from './writes/moves.ts'
import { leaveOrphans } from './writes/orphans.ts'
import { recheckBlobs } from './writes/recheck.ts'
import { deleteRecord, linkRecord, unlinkRecord, updateRecord } from './writes/records.ts'
import { beginSession, endSession, expireSessions, isSessionLive, listSessions } from './writes/sessions.ts'
import { stagePlacement } from './writes/stage.ts'
import { claimSession, extendSession, getSession } from './writes/uploads.ts'
import { settleVerdict } from './writes/verdicts.ts'
import { registerVolume } from './writes/volumes.ts'

interface Opened extends OpenedPool {
  readonly database: Database
}

/**
 * A catalog in PostgreSQL, for many hosts at once. What puts and requests call is a short transaction of two round trips, or
 * one where it only looks; steps of upkeep are some more. What meets another transaction is run again. Times are the database's.
 * Failures name no address, user or password.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-option`; at `open`: MEDIA_UNSUPPORTED `layout-newer` | `no-pg`, MEDIA_UNAVAILABLE `catalog-unreachable` |
 * `catalog-refused` | `catalog-not-writable`.
 * @see docs/design/0012-postgres.md
 */
export function postgresCatalog(options: PostgresCatalogOptions): Catalog {
  if ('pool' in options) refuseUnknown('postgresCatalog with a pool', options, POOL_OPTIONS)
  else refuseUnknown('postgresCatalog', options, ADDRESS_OPTIONS)
  const settings = {
    schema: options.schema ?? SCHEMA,
    isolation: options.isolation ?? 'read committed',
    prepare: options.prepare ?? true,
    acquireTimeoutMs: options.acquireTimeoutMs ?? ACQUIRE_TIMEOUT_MS,
    answerTimeoutMs: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
    clock: options.clock,
  }
  let opening: Promise<Opened> | undefined
  let opened: Opened | undefined
  let closing: Promise<void> | undefined
  const underWay = new Set<Promise<unknown>>()

  const open = async (): Promise<Opened> => {
    const source = await openPool(options)
    try {
      await migrate(source.pool, settings.schema, settings)
      return { ...source, database: createDatabase(source.pool, settings) }
    } catch (error) {
      await source.close()
      throw error
    }
  }
  const close = async (): Promise<void> => {
    const last = opened ?? (await opening?.catch(() => undefined))
    opened = undefined
    await Promise.allSettled(underWay)
    await last?.close()
  }
  /** The one way in: refuses when closed, and lets `close` wait for what is under way. */
  const use = async <T>(call: (database: Database) => Promise<T>): Promise<T> => {
    if (opened === undefined) throw closedError()
    const answer = call(opened.database)
    underWay.add(answer)
    try {
      return await answer
    } finally {
      underWay.delete(answer)
    }
  }

  const catalog: Catalog = {
    name: 'postgres',
    async open() {
      if (closing !== undefined) throw closedError()
      opening ??= open()
      try {
        opened = await opening
      } catch (error) {
        opening = undefined
        throw error
      }
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => catalog.close(),

    registerVolume: (volume) => use((database) => registerVolume(database, volume)),
    listVolumes: () => use(listVolumes),

    beginSession: (input) => use((database) => beginSession(database, input)),
    async extendSession(session, to) {
      checkLease(to)
      return use((database) => extendSession(database, session, to))
    },
    endSession: (session, keep) => use((database) => endSession(database, session, keep)),
    listSessions: (namespace) => use((database) => listSessions(database, namespace)),
    isSessionLive: (id) => use((database) => isSessionLive(database, id)),
    getSession: (id) => use((database) => getSession(database, id)),
    async claimSession(id, claim) {
      checkLease(claim)
      return use((database) => claimSession(database, id, claim))
    },
    verdictOf: (domain, digest) => use((database) => verdictOf(database, domain, digest)),
    heldContents: (mediaId) => use((database) => heldContents(database, mediaId)),
    settleVerdict: (blobId, verdict, contents) =>
      use((database) => settleVerdict(database, blobId, verdict, contents)),
    listUnscanned: (given) => use((database) => listUnscanned(database, given)),

    stagePlacement: (input) => use((database) => stagePlacement(database, input)),
    commitContent: (input) => use((database) => commitContent(database, input)),

    get: (namespace, ref) =>
      use(async (database) => {
        const [row] = await database.ask('get', selectRecord(namespace, ref))
        return row === undefined ? undefined : recordOf(row)
      }),
    chunkSums: (blobId) => use((database) => readChunkSums(database, blobId)),
    update: (namespace, ref, change, { ifRevision } = {}) =>
      use((database) => updateRecord(database, namespace, ref, change, ifRevision)),
    delete: (namespace, ref, { when } = {}) =>
      use((database) => deleteRecord(database, namespace, ref, when)),
    link: (namespace, ref, target) => use((database) => linkRecord(database, namespace, ref, target)),
    unlink: (namespace, ref, target) => use((database) => unlinkRecord(database, namespace, ref, target)),
    list: (namespace, query) => use((database) => listRecords(database, namespace, query)),
    linked: (namespace, targets, limitPerTarget) =>
      use((database) => linkedRecords(database, namespace, targets, limitPerTarget)),
    usage: (namespace, by) => use((database) => readUsage(database, namespace, by)),
    volumeUsage: () => use(readVolumeUsage),

    async markBad(placementId) {
      const mark = sql("UPDATE @placements SET state = 'bad' WHERE id = $1 AND state = 'live'", placementId)
      await use((database) => database.ask('mark a placement as bad', mark))
    },
    condemn: (given) => use((database) => condemn(database, given)),
    claimGarbage: (given) => use((database) => claimGarbage(database, given)),
    dropPlacements: (ids) => use((database) => dropPlacements(database, ids)),
    expireSessions: (given) => use((database) => expireSessions(database, given)),

    planGarbage: (given) => use((database) => planGarbage(database, given)),
    recheckBlobs: (given) => use((database) => recheckBlobs(database, given)),
    leaveOrphans: (volumeId, objects) => use((database) => leaveOrphans(database, volumeId, objects)),
    unknownKeys: (volumeId, keys) => use((database) => unknownKeys(database, volumeId, keys)),

    listCopies: (given) => use((database) => listCopies(database, given)),
    markVerified: (ids) => use((database) => markVerified(database, ids)),
    listThinBlobs: (given) => use((database) => listThinBlobs(database, given)),
    copiesOf: (blobId) =>
      use(async (database) => {
        const [row] = await database.ask('read copies', selectCopies(blobId))
        return row === undefined ? undefined : blobOf(row)
      }),
    async stageCopy(input) {
      checkLease(input)
      return use((database) => stageCopy(database, input))
    },
    commitCopy: (input) => use((database) => commitCopy(database, input)),

    async leaveCopies(placementIds, given) {
      checkLeaveCopies(given)
      return use((database) => leaveCopies(database, placementIds, given))
    },
    async planMoves(moves) {
      checkNewMoves(moves)
      return use((database) => planMoves(database, moves))
    },
    async claimMoves(given) {
      checkMoveClaim(given)
      return use((database) => claimMoves(database, given))
    },
    async settleMove(move, outcome) {
      checkMoveOutcome(outcome)
      return use((database) => settleMove(database, move, outcome))
    },
    withdrawMoves: (ids) => use((database) => withdrawMoves(database, ids)),
    listMoves: (given) => use((database) => listMoves(database, given)),

    async registerExternal(input) {
      checkExternal(input)
      return use((database) => registerExternal(database, input))
    },
    listExternal: (volumeId, given) => use((database) => listExternal(database, volumeId, given)),
    forgetExternal: (volumeId, objects) => use((database) => forgetExternal(database, volumeId, objects)),
    learnDigest: (blobId, learned) => use((database) => learnDigest(database, blobId, learned)),

    async addToLedger(entries) {
      checkLedgerEntries(entries)
      return use((database) => addToLedger(database, entries))
    },
    async ledger(days) {
      checkLedgerDays(days)
      return use((database) => readLedger(database, days))
    },
    async reserveSpend(given) {
      checkSpend(given)
      return use((database) => reserveSpend(database, given))
    },
    async returnSpend(given) {
      checkSpendReturn(given)
      return use((database) => returnSpend(database, given))
    },

    exportMedia: (given) => use((database) => exportMedia(database, given)),
    importMedia: (media) => use((database) => importMedia(database, media)),

    async ping() {
      await use((database) => database.ask('ping', sql('SELECT 1')))
    },
  }
  return catalog
}
