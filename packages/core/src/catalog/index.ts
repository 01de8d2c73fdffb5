/** Rules shared by all catalogs: what filters, cursors, conditions and changes mean. Pure. */
export { applyChange, type ChangeableFields, distinctLinks, distinctTags } from './change.ts'
export { type ClaimedSession, checkOpenUploads, checkUploadClaim } from './claims.ts'
export { type ConditionSubject, checkCondition, checkRevision } from './conditions.ts'
export { decodeCursor, encodeCursor } from './cursor.ts'
export { type IdBounds, idBounds } from './id-bounds.ts'
export {
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
} from './inputs.ts'
export { dayOf, sortLedger } from './ledger.ts'
export { hasLink, matchesQuery, matchesType } from './matches.ts'
export {
  ALL_MEDIA,
  endPage,
  keyPage,
  MAX_PAGE_WORK,
  type PagePlan,
  type PageSource,
  pageLimit,
  planPage,
  readPage,
} from './page.ts'
export { portableMedia } from './portable.ts'
export { externalDomain, mayLeave, standsIn } from './stands-in.ts'
export {
  linkTerm,
  ownerTagTerm,
  queryTerms,
  recordWords,
  SEARCHED_METADATA,
  type TermSource,
  termsOf,
} from './terms.ts'
export {
  freshBeginnings,
  isOlderVerdict,
  isStaleVerdict,
  stateUnder,
  uploadStateOf,
  verdictAfter,
  verdictOfText,
  verdictText,
} from './verdicts.ts'
export { decodeWalkCursor, encodeWalkCursor, type WalkName } from './walk-cursor.ts'
export { wordsOf } from './words.ts'
export { type ReadPostings, type ZigzagEnd, type ZigzagOptions, zigzag } from './zigzag.ts'
