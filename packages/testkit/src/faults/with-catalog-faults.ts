import type { Catalog } from '@mediakeep/core'
import { createFaultScript, type FaultPlan, type FaultScript, underFault } from './plan.ts'

export interface FaultyCatalog {
  readonly catalog: Catalog
  calls(member: string): number
  readonly injected: FaultScript['injected']
}

/** The catalog, going wrong by plan: before a transaction, or after it was committed and only the answer is lost. */
export function withCatalogFaults(inner: Catalog, plan: FaultPlan = []): FaultyCatalog {
  const script = createFaultScript(plan)
  const run = <Result>(member: string, act: () => Promise<Result>): Promise<Result> =>
    underFault(script, member, act)
  const catalog: Catalog = {
    name: inner.name,
    open: () => run('open', () => inner.open()),
    close: () => run('close', () => inner.close()),
    registerVolume: (volume) => run('registerVolume', () => inner.registerVolume(volume)),
    listVolumes: () => run('listVolumes', () => inner.listVolumes()),
    beginSession: (input) => run('beginSession', () => inner.beginSession(input)),
    extendSession: (session, to) => run('extendSession', () => inner.extendSession(session, to)),
    endSession: (session, keep) => run('endSession', () => inner.endSession(session, keep)),
    listSessions: (namespace) => run('listSessions', () => inner.listSessions(namespace)),
    isSessionLive: (id) => run('isSessionLive', () => inner.isSessionLive(id)),
    getSession: (id) => run('getSession', () => inner.getSession(id)),
    claimSession: (id, claim) => run('claimSession', () => inner.claimSession(id, claim)),
    verdictOf: (domain, digest) => run('verdictOf', () => inner.verdictOf(domain, digest)),
    heldContents: (mediaId) => run('heldContents', () => inner.heldContents(mediaId)),
    settleVerdict: (blobId, verdict, contents) =>
      run('settleVerdict', () => inner.settleVerdict(blobId, verdict, contents)),
    listUnscanned: (options) => run('listUnscanned', () => inner.listUnscanned(options)),
    stagePlacement: (input) => run('stagePlacement', () => inner.stagePlacement(input)),
    commitContent: (input) => run('commitContent', () => inner.commitContent(input)),
    get: (namespace, ref) => run('get', () => inner.get(namespace, ref)),
    chunkSums: (blobId) => run('chunkSums', () => inner.chunkSums(blobId)),
    update: (namespace, ref, change, options) =>
      run('update', () => inner.update(namespace, ref, change, options)),
    delete: (namespace, ref, options) => run('delete', () => inner.delete(namespace, ref, options)),
    link: (namespace, ref, target) => run('link', () => inner.link(namespace, ref, target)),
    unlink: (namespace, ref, target) => run('unlink', () => inner.unlink(namespace, ref, target)),
    list: (namespace, query) => run('list', () => inner.list(namespace, query)),
    linked: (namespace, targets, limitPerTarget) =>
      run('linked', () => inner.linked(namespace, targets, limitPerTarget)),
    usage: (namespace, by) => run('usage', () => inner.usage(namespace, by)),
    volumeUsage: () => run('volumeUsage', () => inner.volumeUsage()),
    markBad: (placementId) => run('markBad', () => inner.markBad(placementId)),
    condemn: (options) => run('condemn', () => inner.condemn(options)),
    claimGarbage: (options) => run('claimGarbage', () => inner.claimGarbage(options)),
    dropPlacements: (ids) => run('dropPlacements', () => inner.dropPlacements(ids)),
    expireSessions: (options) => run('expireSessions', () => inner.expireSessions(options)),
    planGarbage: (options) => run('planGarbage', () => inner.planGarbage(options)),
    recheckBlobs: (options) => run('recheckBlobs', () => inner.recheckBlobs(options)),
    leaveOrphans: (volumeId, objects) => run('leaveOrphans', () => inner.leaveOrphans(volumeId, objects)),
    unknownKeys: (volumeId, keys) => run('unknownKeys', () => inner.unknownKeys(volumeId, keys)),
    listCopies: (options) => run('listCopies', () => inner.listCopies(options)),
    markVerified: (placementIds) => run('markVerified', () => inner.markVerified(placementIds)),
    listThinBlobs: (options) => run('listThinBlobs', () => inner.listThinBlobs(options)),
    copiesOf: (blobId) => run('copiesOf', () => inner.copiesOf(blobId)),
    stageCopy: (input) => run('stageCopy', () => inner.stageCopy(input)),
    commitCopy: (input) => run('commitCopy', () => inner.commitCopy(input)),
    leaveCopies: (placementIds, options) =>
      run('leaveCopies', () => inner.leaveCopies(placementIds, options)),
    planMoves: (moves) => run('planMoves', () => inner.planMoves(moves)),
    claimMoves: (options) => run('claimMoves', () => inner.claimMoves(options)),
    settleMove: (move, outcome) => run('settleMove', () => inner.settleMove(move, outcome)),
    withdrawMoves: (ids) => run('withdrawMoves', () => inner.withdrawMoves(ids)),
    listMoves: (options) => run('listMoves', () => inner.listMoves(options)),
    registerExternal: (input) => run('registerExternal', () => inner.registerExternal(input)),
    listExternal: (volumeId, options) => run('listExternal', () => inner.listExternal(volumeId, options)),
    forgetExternal: (volumeId, objects) =>
      run('forgetExternal', () => inner.forgetExternal(volumeId, objects)),
    learnDigest: (blobId, learned) => run('learnDigest', () => inner.learnDigest(blobId, learned)),
    addToLedger: (entries) => run('addToLedger', () => inner.addToLedger(entries)),
    ledger: (days) => run('ledger', () => inner.ledger(days)),
    reserveSpend: (options) => run('reserveSpend', () => inner.reserveSpend(options)),
    returnSpend: (options) => run('returnSpend', () => inner.returnSpend(options)),
    exportMedia: (options) => run('exportMedia', () => inner.exportMedia(options)),
    importMedia: (media) => run('importMedia', () => inner.importMedia(media)),
    ping: () => run('ping', () => inner.ping()),
    [Symbol.asyncDispose]: () => run('close', () => inner.close()),
  }
  return { catalog, calls: script.calls, injected: script.injected }
}
