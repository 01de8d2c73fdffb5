import type { Transaction } from '../database.ts'
import { commitContent } from '../writes/commit.ts'
import { commitCopy, markVerified, stageCopy } from '../writes/copies.ts'
import { forgetExternal, registerExternal } from '../writes/external.ts'
import { claimGarbage, condemn, dropPlacements } from '../writes/garbage.ts'
import { importMedia } from '../writes/import.ts'
import { learnDigest } from '../writes/learn.ts'
import { leaveCopies } from '../writes/leave.ts'
import { addToLedger, reserveSpend, returnSpend } from '../writes/ledger.ts'
import { claimMoves, planMoves, settleMove, withdrawMoves } from '../writes/moves.ts'
import { leaveOrphans } from '../writes/orphans.ts'
import { markBad } from '../writes/placements.ts'
import { markSuspects } from '../writes/recheck.ts'
import { deleteRecord, linkRecord, unlinkRecord, updateRecord } from '../writes/records.ts'
import { beginSession, endSession, expireSessions } from '../writes/sessions.ts'
import { stagePlacement } from '../writes/stage.ts'
import { claimSession, extendSession, isDurableExtension } from '../writes/uploads.ts'
import { settleVerdict } from '../writes/verdicts.ts'
import { registerVolume } from '../writes/volumes.ts'
import type { WriteOperations } from './protocol.ts'

interface Write<Name extends keyof WriteOperations> {
  run(tx: Transaction, input: WriteOperations[Name]['input']): WriteOperations[Name]['output']
  /** Whether its answer promises that the change outlives a power cut. */
  readonly durable: boolean | ((input: WriteOperations[Name]['input']) => boolean)
  /** It makes room, or must be done before room can be made: on a full disk it is done with the room of the reserve. */
  readonly frees?: true
}

/**
 * Every write. Those about sessions of puts and staging need no sync: losing them in a power cut loses an upload that was not
 * acknowledged, and at worst leaves bytes without a row. A durable commit that follows makes them durable too.
 */
export const WRITES: { readonly [Name in keyof WriteOperations]: Write<Name> } = {
  registerVolume: { run: registerVolume, durable: true, frees: true },
  beginSession: { run: beginSession, durable: ({ upload }) => upload !== undefined },
  extendSession: { run: extendSession, durable: isDurableExtension },
  endSession: { run: endSession, durable: ({ keep }) => keep !== undefined, frees: true },
  // A fence keeps those apart who live at one time: a power cut ends all of them.
  claimSession: { run: claimSession, durable: false },
  stagePlacement: { run: stagePlacement, durable: false },
  commitContent: { run: commitContent, durable: true },
  settleVerdict: { run: settleVerdict, durable: true },
  updateRecord: { run: updateRecord, durable: true },
  deleteRecord: { run: deleteRecord, durable: true, frees: true },
  linkRecord: { run: linkRecord, durable: true },
  unlinkRecord: { run: unlinkRecord, durable: true },
  markBad: { run: markBad, durable: true },
  // A condemnation that is lost is made again; a claim is what deletes bytes, and must not be.
  condemn: { run: condemn, durable: false, frees: true },
  claimGarbage: { run: claimGarbage, durable: true, frees: true },
  dropPlacements: { run: dropPlacements, durable: false, frees: true },
  // What is found is found again; whatever deletes bytes because of it is a claim.
  markSuspects: { run: markSuspects, durable: false, frees: true },
  leaveOrphans: { run: leaveOrphans, durable: false, frees: true },
  // Lost, a copy is read once more.
  markVerified: { run: markVerified, durable: false },
  stageCopy: { run: stageCopy, durable: false },
  commitCopy: { run: commitCopy, durable: true },
  // Bytes go by a claim of garbage, which is durable and covers this.
  leaveCopies: { run: leaveCopies, durable: false, frees: true },
  planMoves: { run: planMoves, durable: true },
  // A claim that is lost is given out again, and who works by it no longer lives; a move that was done is found done.
  claimMoves: { run: claimMoves, durable: false, frees: true },
  settleMove: { run: settleMove, durable: false, frees: true },
  withdrawMoves: { run: withdrawMoves, durable: true, frees: true },
  registerExternal: { run: registerExternal, durable: true },
  forgetExternal: { run: forgetExternal, durable: true, frees: true },
  // Lost, it is read and learned once more.
  learnDigest: { run: learnDigest, durable: false },
  addToLedger: { run: addToLedger, durable: false },
  reserveSpend: { run: reserveSpend, durable: true },
  returnSpend: { run: returnSpend, durable: false },
  importMedia: { run: importMedia, durable: true },
  expireSessions: { run: expireSessions, durable: true, frees: true },
  ping: { run: () => undefined, durable: false },
}

/** Whether this call is answered only when what it changed outlives a power cut. */
export function isDurableWrite(name: keyof WriteOperations, input: unknown): boolean {
  // The name decides the type of the input; the wire cannot carry that.
  const { durable } = WRITES[name] as { readonly durable: boolean | ((input: unknown) => boolean) }
  return typeof durable === 'boolean' ? durable : durable(input)
}

export function isWrite(name: string): name is keyof WriteOperations {
  return Object.hasOwn(WRITES, name)
}
