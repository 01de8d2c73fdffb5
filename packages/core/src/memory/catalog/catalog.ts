import type { Catalog, VolumeRecord } from '../../contracts/catalog.ts'
import type { Clock } from '../../contracts/clock.ts'
import { MediaError } from '../../errors/media-error.ts'
import { systemClock } from '../../time/clock.ts'
import { changePlacement } from './blobs.ts'
import { commitContent } from './commit.ts'
import { blobCopies, listCopies, listThinBlobs, markVerified } from './copies.ts'
import { commitCopy, stageCopy } from './copy.ts'
import { exportMedia } from './export.ts'
import { forgetExternal, listExternal, registerExternal } from './external.ts'
import { claimGarbage, condemnBlobs, dropPlacements, recheckBlobs } from './garbage.ts'
import { importMedia } from './import.ts'
import { learnDigest } from './learn.ts'
import { leaveCopies } from './leave.ts'
import { addToLedger, readLedger, reserveSpend, returnSpend } from './ledger.ts'
import { linkedMedia, listMedia, usageOf, volumeUsageOf } from './lists.ts'
import { claimMoves, listMoves, planMoves, settleMove, withdrawMoves } from './moves.ts'
import { leaveOrphans, unknownKeys } from './orphans.ts'
import { planGarbage } from './plan.ts'
import { deleteMedia, findMedia, linkMedia, unlinkMedia, updateMedia } from './records.ts'
import {
  beginSession,
  begunSession,
  endSession,
  forgetOldOutcomes,
  hasEnded,
  sessionRecord,
} from './sessions.ts'
import { mediaRecord } from './snapshots.ts'
import { stagePlacement } from './stage.ts'
import { createMemoryTables, type MemoryTables, volumeOf } from './tables.ts'
import { claimSession, extendSession, getSession } from './uploads.ts'
import { heldContents, listUnscanned, settleVerdict, verdictOf } from './verdicts.ts'

export interface MemoryCatalogOptions {
  /** Where its times come from. Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: empty ones of its own. Handles over the same tables are as processes over one database. */
  readonly tables?: MemoryTables
}

/**
 * A whole catalog in memory, for tests and for stores that keep nothing. Every call runs in one go,
 * so it is a transaction: it checks first and then changes, or changes nothing.
 */
export function memoryCatalog(options: MemoryCatalogOptions = {}): Catalog {
  const tables = options.tables ?? createMemoryTables()
  const clock = options.clock ?? systemClock
  let isClosed = false

  /** The one way in: refuses when closed, and turns what the transaction throws into a rejection. */
  const transact = async <T>(transaction: (nowMs: number) => T): Promise<T> => {
    if (isClosed) throw new MediaError('MEDIA_CLOSED', 'memory catalog: it is closed')
    return transaction(clock.now())
  }
  const close = async (): Promise<void> => {
    isClosed = true
  }

  return {
    name: 'memory',
    open: () => transact(() => {}),
    close,
    [Symbol.asyncDispose]: close,

    registerVolume: (volume) => transact(() => registerVolume(tables, volume)),
    listVolumes: () => transact(() => [...tables.volumes.values()].flatMap((row) => row.record ?? [])),

    beginSession: (input) => transact((nowMs) => begunSession(beginSession(tables, input, nowMs))),
    extendSession: (token, to) => transact((nowMs) => extendSession(tables, token, to, nowMs)),
    endSession: (token, keep) =>
      transact((nowMs) => {
        const session = tables.sessions.get(token.id)
        if (session?.fence === token.fence && !hasEnded(session)) endSession(tables, session, nowMs, keep)
      }),
    listSessions: (namespace) =>
      transact(() =>
        [...tables.sessions.values()]
          .filter((session) => session.namespace === namespace && !hasEnded(session))
          .map(sessionRecord),
      ),
    isSessionLive: (id) =>
      transact((nowMs) => {
        const session = tables.sessions.get(id)
        return session !== undefined && session.expiresAtMs > nowMs && !hasEnded(session)
      }),
    getSession: (id) => transact(() => getSession(tables, id)),
    claimSession: (id, claim) => transact((nowMs) => claimSession(tables, id, claim, nowMs)),
    verdictOf: (domain, digest) => transact(() => verdictOf(tables, domain, digest)),
    heldContents: (mediaId) => transact(() => heldContents(tables, mediaId)),
    settleVerdict: (blobId, verdict, contents) =>
      transact((nowMs) => settleVerdict(tables, blobId, verdict, contents, nowMs)),
    listUnscanned: (options) => transact(() => listUnscanned(tables, options)),

    stagePlacement: (input) => transact((nowMs) => stagePlacement(tables, input, nowMs)),
    commitContent: (input) => transact((nowMs) => commitContent(tables, input, nowMs)),

    get: (namespace, ref) =>
      transact(() => {
        const row = findMedia(tables, namespace, ref)
        return row === undefined ? undefined : mediaRecord(row)
      }),
    chunkSums: (blobId) => transact(() => tables.blobs.get(blobId)?.chunkSums?.slice()),
    update: (namespace, ref, change, { ifRevision } = {}) =>
      transact((nowMs) => updateMedia(tables, namespace, ref, change, ifRevision, nowMs)),
    delete: (namespace, ref, { when } = {}) => transact(() => deleteMedia(tables, namespace, ref, when)),
    link: (namespace, ref, target) => transact((nowMs) => linkMedia(tables, namespace, ref, target, nowMs)),
    unlink: (namespace, ref, target) =>
      transact((nowMs) => unlinkMedia(tables, namespace, ref, target, nowMs)),
    list: (namespace, query) => transact(() => listMedia(tables, namespace, query)),
    linked: (namespace, targets, limitPerTarget) =>
      transact(() => linkedMedia(tables, namespace, targets, limitPerTarget)),
    usage: (namespace, by) => transact(() => usageOf(tables, namespace, by)),
    volumeUsage: () => transact(() => volumeUsageOf(tables)),

    markBad: (placementId) =>
      transact(() => {
        const placement = tables.placements.get(placementId)
        if (placement?.state === 'live') changePlacement(tables, placement, { state: 'bad' })
      }),
    condemn: ({ limit }) => transact((nowMs) => condemnBlobs(tables, limit, nowMs)),
    claimGarbage: (garbage) => transact((nowMs) => claimGarbage(tables, garbage, nowMs)),
    dropPlacements: (ids) => transact(() => dropPlacements(tables, ids)),
    expireSessions: ({ limit }) =>
      transact((nowMs) => {
        forgetOldOutcomes(tables, nowMs)
        const expired = [...tables.sessions.values()]
          .filter((session) => session.expiresAtMs <= nowMs)
          .slice(0, limit)
        const ended = expired.map(sessionRecord)
        for (const session of expired) endSession(tables, session, nowMs)
        return ended
      }),

    planGarbage: ({ graceMs }) => transact((nowMs) => planGarbage(tables, graceMs, nowMs)),
    recheckBlobs: (options) => transact(() => recheckBlobs(tables, options)),
    leaveOrphans: (volumeId, objects) => transact((nowMs) => leaveOrphans(tables, volumeId, objects, nowMs)),
    unknownKeys: (volumeId, keys) => transact(() => unknownKeys(tables, volumeId, keys)),

    listCopies: (options) => transact(() => listCopies(tables, options)),
    markVerified: (ids) => transact((nowMs) => markVerified(tables, ids, nowMs)),
    listThinBlobs: (options) => transact(() => listThinBlobs(tables, options)),
    copiesOf: (blobId) =>
      transact(() => {
        const blob = tables.blobs.get(blobId)
        return blob === undefined ? undefined : blobCopies(blob)
      }),
    stageCopy: (input) => transact((nowMs) => stageCopy(tables, input, nowMs)),
    commitCopy: (input) => transact((nowMs) => commitCopy(tables, input, nowMs)),

    leaveCopies: (ids, options) => transact((nowMs) => leaveCopies(tables, ids, options, nowMs)),
    planMoves: (moves) => transact((nowMs) => planMoves(tables, moves, nowMs)),
    claimMoves: (options) => transact((nowMs) => claimMoves(tables, options, nowMs)),
    settleMove: (move, outcome) => transact((nowMs) => settleMove(tables, move, outcome, nowMs)),
    withdrawMoves: (ids) => transact(() => withdrawMoves(tables, ids)),
    listMoves: (options) => transact(() => listMoves(tables, options)),

    registerExternal: (input) => transact((nowMs) => registerExternal(tables, input, nowMs)),
    listExternal: (volumeId, options) => transact(() => listExternal(tables, volumeId, options)),
    forgetExternal: (volumeId, objects) => transact(() => forgetExternal(tables, volumeId, objects)),
    learnDigest: (blobId, learned) => transact(() => learnDigest(tables, blobId, learned)),

    addToLedger: (entries) => transact((nowMs) => addToLedger(tables, entries, nowMs)),
    ledger: (days) => transact(() => readLedger(tables, days)),
    reserveSpend: (options) => transact((nowMs) => reserveSpend(tables, options, nowMs)),
    returnSpend: (options) => transact(() => returnSpend(tables, options)),

    exportMedia: (options) => transact(() => exportMedia(tables, options)),
    importMedia: (media) => transact(() => importMedia(tables, media)),

    ping: () => transact(() => {}),
  }
}

function registerVolume(tables: MemoryTables, volume: VolumeRecord): void {
  const row = volumeOf(tables, volume.id)
  if (row.record !== undefined && row.record.tier !== volume.tier) {
    throw new MediaError(
      'MEDIA_CONFLICT',
      `the volume ${volume.id} belongs to tier ${row.record.tier}, not ${volume.tier}`,
      { reason: 'volume-tier' },
    )
  }
  row.record = { ...volume }
}
