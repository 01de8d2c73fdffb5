import type {
  BeginSession,
  BegunSession,
  Catalog,
  CatalogUsage,
  CommitContent,
  CommitCopy,
  CopiesPage,
  ExportOptions,
  ExternalOutcome,
  ExternalPage,
  GarbagePlan,
  LedgerEntry,
  LedgerRow,
  LinkTarget,
  MediaQuery,
  MoveRecord,
  MovesPage,
  NewMove,
  PlacementRecord,
  PortableMedia,
  PortablePage,
  RegisterExternal,
  SessionRecord,
  StageCopy,
  StagedCopy,
  StagedPlacement,
  StagePlacement,
  ThinBlobsPage,
  UnscannedPage,
  UploadSessionRecord,
  VolumeRecord,
  WalkOptions,
} from '@mediakeep/core'
import type { SqliteDriverName } from '../driver.ts'
import type { ErrorWire } from '../errors.ts'
import type { ListExternal } from '../reads/external.ts'
import type { PageText } from '../reads/list.ts'
import type { PlanInput } from '../reads/plan.ts'
import type { RecheckPage } from '../reads/recheck.ts'
import type { RecordText } from '../reads/record.ts'
import type { VolumeKeys } from '../reads/unknown-keys.ts'
import type { CommittedText } from '../writes/commit.ts'
import type { ForgetExternal } from '../writes/external.ts'
import type { LearnInput } from '../writes/learn.ts'
import type { LeaveInput } from '../writes/leave.ts'
import type { ReservedSpend } from '../writes/ledger.ts'
import type { SettleMove } from '../writes/moves.ts'
import type { FoundObjects } from '../writes/orphans.ts'
import type { DeleteInput, LinkInput, UpdateInput } from '../writes/records.ts'
import type { EndSession } from '../writes/sessions.ts'
import type { ClaimInput, ExtendInput } from '../writes/uploads.ts'
import type { SettledTexts, SettleVerdict } from '../writes/verdicts.ts'

interface Operation<Input, Output> {
  readonly input: Input
  readonly output: Output
}

/** What the writing thread does: input and answer of each call. */
export interface WriteOperations {
  readonly registerVolume: Operation<VolumeRecord, undefined>
  readonly beginSession: Operation<BeginSession, BegunSession>
  readonly extendSession: Operation<ExtendInput, SessionRecord>
  readonly endSession: Operation<EndSession, undefined>
  readonly claimSession: Operation<ClaimInput, UploadSessionRecord>
  readonly stagePlacement: Operation<StagePlacement, StagedPlacement>
  readonly commitContent: Operation<CommitContent, CommittedText>
  readonly settleVerdict: Operation<SettleVerdict, SettledTexts>
  readonly updateRecord: Operation<UpdateInput, RecordText>
  readonly deleteRecord: Operation<DeleteInput, RecordText | undefined>
  readonly linkRecord: Operation<LinkInput, RecordText>
  readonly unlinkRecord: Operation<LinkInput, RecordText>
  readonly markBad: Operation<string, undefined>
  readonly condemn: Operation<
    { readonly limit: number },
    { readonly condemned: number; readonly more: boolean }
  >
  readonly claimGarbage: Operation<Parameters<Catalog['claimGarbage']>[0], readonly PlacementRecord[]>
  readonly dropPlacements: Operation<readonly string[], undefined>
  readonly markSuspects: Operation<readonly string[], number>
  readonly leaveOrphans: Operation<FoundObjects, readonly string[]>
  readonly markVerified: Operation<readonly string[], undefined>
  readonly stageCopy: Operation<StageCopy, StagedCopy>
  readonly commitCopy: Operation<CommitCopy, { readonly redundant: boolean }>
  readonly leaveCopies: Operation<LeaveInput, readonly string[]>
  readonly planMoves: Operation<readonly NewMove[], readonly string[]>
  readonly claimMoves: Operation<Parameters<Catalog['claimMoves']>[0], readonly MoveRecord[]>
  readonly settleMove: Operation<SettleMove, undefined>
  readonly withdrawMoves: Operation<readonly string[], readonly string[]>
  readonly registerExternal: Operation<RegisterExternal, readonly ExternalOutcome[]>
  readonly forgetExternal: Operation<ForgetExternal, number>
  readonly learnDigest: Operation<LearnInput, string | undefined>
  readonly addToLedger: Operation<readonly LedgerEntry[], undefined>
  readonly reserveSpend: Operation<Parameters<Catalog['reserveSpend']>[0], ReservedSpend>
  readonly returnSpend: Operation<Parameters<Catalog['returnSpend']>[0], undefined>
  readonly importMedia: Operation<readonly PortableMedia[], number>
  readonly expireSessions: Operation<{ readonly limit: number }, readonly SessionRecord[]>
  readonly ping: Operation<undefined, undefined>
}

/** What the reading thread does. Records cross as the text they are read as. */
export interface ReadOperations {
  readonly list: Operation<{ readonly namespace: string; readonly query: MediaQuery }, PageText>
  readonly linked: Operation<
    { readonly namespace: string; readonly targets: readonly LinkTarget[]; readonly limitPerTarget: number },
    readonly (readonly RecordText[])[]
  >
  readonly usage: Operation<
    { readonly namespace: string; readonly by: 'owner' | 'type' | 'tier' },
    readonly CatalogUsage[]
  >
  readonly planGarbage: Operation<PlanInput, GarbagePlan>
  readonly recheckPage: Operation<WalkOptions, RecheckPage>
  readonly unknownKeys: Operation<VolumeKeys, readonly string[]>
  readonly listCopies: Operation<Parameters<Catalog['listCopies']>[0], CopiesPage>
  readonly listThinBlobs: Operation<Parameters<Catalog['listThinBlobs']>[0], ThinBlobsPage>
  readonly listUnscanned: Operation<Parameters<Catalog['listUnscanned']>[0], UnscannedPage>
  readonly listMoves: Operation<WalkOptions, MovesPage>
  readonly listExternal: Operation<ListExternal, ExternalPage>
  readonly ledger: Operation<Parameters<Catalog['ledger']>[0], readonly LedgerRow[]>
  readonly exportMedia: Operation<ExportOptions, PortablePage>
}

export type Operations = WriteOperations & ReadOperations
export type OperationName = keyof Operations

/** One call: a number that its answer repeats, what to do, with what. */
export type CallMessage = readonly [number: number, name: OperationName, input: unknown]
/** All calls of one turn of the sender's loop. `offsetMs` moves the catalog's clock: tests own time. */
export type CallsMessage =
  | { readonly type: 'calls'; readonly offsetMs: number; readonly calls: readonly CallMessage[] }
  | { readonly type: 'close' }

export type AnswerMessage =
  | readonly [number: number, type: 'done', output: unknown]
  | readonly [number: number, type: 'failed', error: ErrorWire]
export type AnswersMessage =
  | { readonly type: 'opened' }
  | { readonly type: 'refused'; readonly error: ErrorWire }
  | { readonly type: 'answers'; readonly answers: readonly AnswerMessage[] }
  | { readonly type: 'closed' }

/** What a thread is started with. */
export interface ThreadSetup {
  readonly role: 'writer' | 'reader'
  readonly file: string
  readonly driver: SqliteDriverName
  readonly groupCommit: boolean
  readonly busyMs: number
}
