import type { Call } from './call.ts'
import type { MoveCause } from './catalog.ts'
import type { MediaRef, Visibility } from './media.ts'
import type { AttemptClass } from './object-store.ts'

/** Prices in US dollars. A price that is absent is 0. */
export interface PriceTable {
  /** For one request of a class. */
  readonly perRequest?: Partial<Readonly<Record<AttemptClass, number>>>
  /** For 10^9 bytes read from the store. */
  readonly perGigabyteOut?: number
  /** For 10^9 bytes kept for a month. */
  readonly perGigabyteMonth?: number
}

/** Which media a rule applies to: all given members must match. */
export interface PlacementMatch {
  /** `video/mp4`, or `video/*`. */
  readonly contentType?: string
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly owner?: string
  readonly namespace?: string
  /** Only media created longer ago than this, so never a new body. */
  readonly olderThanMs?: number
}

/** Where media belong. Of several rules the first that matches decides. */
export interface PlacementRule {
  /** Unique; shown by `explain` and in events. */
  readonly name: string
  readonly match: PlacementMatch
  /** Names of home tiers in order of preference; a body goes to the first that takes it. */
  readonly tiers: readonly string[]
}

/** When writes skip a tier and go to the next one (a burst). Each condition can be turned off. */
export interface BurstOptions {
  /** While the tier is full: from its high watermark on, until it is below its low one. Default true. */
  readonly whenFull?: boolean
  /** While its volume is offline or refuses writes. Default true. */
  readonly whenDown?: boolean
  /**
   * While recent writes are slow: from more than this many milliseconds for each MiB begun, until they take less than half of that.
   * Default 0: never.
   */
  readonly whenSlowerThanMs?: number
  /** Shortest duration of a burst in milliseconds. Default 10,000. */
  readonly holdMs?: number
  /** Media that went elsewhere in a burst move back once it has ended and the tier has space below its low watermark. Default true. */
  readonly drainBack?: boolean
}

/** When media that are read from a tier that does not serve are copied to one that does. */
export interface PromotionOptions {
  /** How many reads within `windowMs` cause a copy. Default 2; 0: never. */
  readonly reads?: number
  /** Window for `reads`, in milliseconds. Default one hour. */
  readonly windowMs?: number
  /** Larger media are never promoted by reading, only by `warm`. Default 1 GiB. */
  readonly maxBytes?: number
}

/** What all hosts together may spend in a day. A cost is counted before the request is sent. */
export interface BudgetOptions {
  readonly dailyDollars: number
  /** Once the budget is spent, writes do not burst into a paid tier while other tiers have space. Default true. */
  readonly stopBursts?: boolean
  /** Once the budget is spent, reads from paid tiers fail with MEDIA_NOT_READY `budget-spent`. Default true. */
  readonly delayReads?: boolean
}

export interface TieringOptions {
  readonly rules?: readonly PlacementRule[]
  readonly burst?: BurstOptions
  readonly promotion?: PromotionOptions
  readonly budget?: BudgetOptions
  /**
   * How long the bytes of a copy stay after the copy was evicted, in milliseconds. Must be longer than the life of URLs and gate decisions
   * that were given out before. Default 0.
   */
  readonly evictGraceMs?: number
  /** How many copies may move at the same time. Default 4. */
  readonly maxMoves?: number
  /**
   * Pause between two reconciliations of an external tier that has `imports`, in milliseconds. Default 24 hours; 0: never. The
   * first is an hour after the start, or after this time where that is shorter.
   */
  readonly reconcileEveryMs?: number
}

/** How the objects of an external tier become media. */
export interface ImportMapping {
  /** Only objects whose key has this prefix. Default: all. */
  readonly prefix?: string
  /** Of new records. Default `anonymous`. */
  readonly owner?: string
  /** Of new records. Default `private`. */
  readonly visibility?: Visibility
  /**
   * The key of the media for an object key; `undefined`: the object becomes no media. Must always return the same for an object key, and
   * different keys for different objects. Default: the object key itself.
   */
  readonly keyOf?: (objectKey: string) => string | undefined
}

/** The mapping for reconciling an external tier in the background, and the default for calls that give none. */
export interface ImportOptions extends ImportMapping {
  /** The namespace of its media; all media of a tier are in one. Default `default`. */
  readonly namespace?: string
}

/** Counts since the start. */
export interface ImportProgress {
  /** Objects that the store listed, and their bytes. */
  readonly listed: number
  readonly bytes: number
  /** New records. */
  readonly registered: number
  /** Records with a new content. */
  readonly replaced: number
  readonly unchanged: number
  /** Left alone: another media has the key, or the store itself made the object. */
  readonly taken: number
  /** Left alone: `keyOf` returned `undefined`, or the key is not valid for a media. */
  readonly refused: number
  /** Those found since the previous progress. */
  readonly refusedKeys: readonly string[]
}

export interface ReconcileProgress extends ImportProgress {
  /** Objects that were known and not listed. */
  readonly missing: number
  /** The missing ones whose records were removed. */
  readonly forgotten: number
}

/** What a look at one object changed. */
export type HintOutcome = 'registered' | 'replaced' | 'unchanged' | 'taken' | 'refused' | 'forgotten'

/**
 * Something may have happened to an object; `all`: to any of them, as after a lost connection. Hints may come late, twice, out of
 * order or never.
 */
export type ObjectHint = { readonly key: string } | { readonly type: 'all' }

/** Where hints come from. Each call starts listening again, until the signal aborts. */
export type HintSource = (options: { readonly signal: AbortSignal }) => AsyncIterable<ObjectHint>

/** Which external tier a call is about, and how its objects become media. Absent members default to the tier's `imports`. */
export interface ExternalCall extends ImportMapping, Call {
  readonly tier: string
}

/** One copy that is to be made or dropped. */
export interface PlannedMove {
  readonly blobId: string
  readonly sizeBytes: number
  readonly from: string
  /** Absent: the copy is dropped, others are kept. */
  readonly to?: string
  readonly cause: MoveCause | 'evict'
  /** Requests and bytes of the move itself. */
  readonly costDollars: number
}

/** What `apply` would do now. */
export interface TierPlan {
  /** The first 1,000 moves, in the order in which they would be made. The sums below are of all moves. */
  readonly moves: readonly PlannedMove[]
  readonly objects: number
  readonly bytes: number
  readonly costDollars: number
  /** Change of the monthly cost of storage after the moves; negative when it is cheaper. */
  readonly monthlyDollars: number
}

export interface TierProgress {
  readonly copied: number
  readonly copiedBytes: number
  readonly evicted: number
  readonly evictedBytes: number
  /** Moves that failed and are tried again later. */
  readonly waiting: number
}

/** Why a media is where it is. */
export interface PlacementExplanation {
  /** The rule that matched. Absent: no rule did, and the order of the tiers decides. */
  readonly rule?: string
  /** Where it belongs, in order of preference. */
  readonly tiers: readonly string[]
  readonly copies: readonly {
    readonly tier: string
    readonly volumeId: string
    /** Whether this host can reach it: it is on this host or shared. */
    readonly isReachable: boolean
    readonly storedBytes: number
    readonly owned: boolean
  }[]
  /** Tiers that would not take it now, and why: `full`, `down`, `slow`, `budget`. */
  readonly refused: readonly { readonly tier: string; readonly reason: string }[]
  /** Moves that are planned for it. */
  readonly moves: readonly { readonly to: string; readonly cause: MoveCause; readonly attempts: number }[]
}

/** Sums of the ledger with their prices. */
export interface CostRow {
  readonly day: string
  readonly tier: string
  readonly volumeId: string
  readonly class: string
  readonly cause: string
  readonly calls: number
  readonly bytes: number
  readonly dollars: number
}

export interface CostReport {
  readonly rows: readonly CostRow[]
  readonly spentDollars: number
  /** What the calls that were avoided would have cost. */
  readonly avoidedDollars: number
  /** What the reads and writes of these days would have cost with every byte in the most expensive tier. */
  readonly allPaidDollars: number
  readonly budget?: { readonly dailyDollars: number; readonly takenTodayDollars: number }
}

export interface TierStatus {
  readonly name: string
  readonly role: 'home' | 'cache' | 'external'
  readonly volumes: readonly VolumeStatus[]
}
export interface VolumeStatus {
  readonly id: string
  readonly online: boolean
  readonly reason?: string
  readonly storedBytes: number
  readonly objects: number
  readonly reservedBytes: number
  readonly capacityBytes?: number
  /** Why new writes skip this volume now. Absent: they do not. */
  readonly burst?: 'full' | 'slow' | 'down'
}

export interface WithdrawOptions extends Call {
  /** Only moves to this tier, even one that is no longer configured. */
  readonly to?: string
  readonly cause?: MoveCause
}

export interface Tiering {
  status(): Promise<readonly TierStatus[]>
  /** What would be moved now to relieve full tiers, follow the rules and drain bursts, and what that costs. Changes nothing. */
  plan(options?: Call): Promise<TierPlan>
  /** Plans and makes moves until none is due. Safe at any time, in any number of processes. */
  apply(options?: Call): AsyncIterable<TierProgress>
  /**
   * Cancels planned moves: all, or those to a tier or of a cause. A move that is copying at this moment may still finish its copy, which
   * then is an additional one. Moves that a rule or a full tier still asks for are planned again by the next `apply`.
   * @throws MediaError MEDIA_BAD_INPUT `unknown-tier`, `unknown-cause`, `unknown-option`
   */
  withdraw(options?: WithdrawOptions): Promise<{ readonly withdrawn: number }>
  /** @throws MediaError MEDIA_ABSENT */
  explain(ref: MediaRef, options?: Call): Promise<PlacementExplanation>
  /** Days are UTC dates of the catalog's clock, both included. Default: today. */
  costs(options?: Call & { readonly fromDay?: string; readonly toDay?: string }): Promise<CostReport>
  /**
   * Creates media for the objects of an external tier from its listing. No object is read, and nothing in the tier is changed. A media gets
   * its digest when it is first read whole. Safe to repeat: known media stay as they are.
   * @throws MediaError MEDIA_BAD_INPUT `not-external` | `other-namespace`
   */
  importObjects(options: ExternalCall): AsyncIterable<ImportProgress>
  /**
   * Updates the media of an external tier to the objects it has now: new objects are registered, changed ones become new content of their
   * media, and media whose objects are gone are removed. A failed listing or an offline volume removes nothing, and each media is removed
   * only after a request for its own object has confirmed it.
   * @throws MediaError MEDIA_CONFLICT `reconcile-brake`, before anything is removed, when so many would be that it looks like a mistake;
   * MEDIA_BAD_INPUT as `importObjects`.
   */
  reconcile(options: ExternalCall & { readonly force?: boolean }): AsyncIterable<ReconcileProgress>
  /**
   * Does for one object what `reconcile` would do. It asks the store and never trusts the notification itself, so that late, repeated or
   * reordered ones do no harm.
   * @throws MediaError MEDIA_BAD_INPUT as `importObjects`; MEDIA_UNAVAILABLE when the store cannot be asked.
   */
  hint(options: ExternalCall & { readonly key: string }): Promise<HintOutcome>
  /**
   * Follows hints until they end. Several keys are looked at concurrently, and hints that repeat while a key waits are merged. A failure is
   * retried a few times and then reported as an event. After the hint `all` the tier is reconciled.
   */
  followHints(hints: AsyncIterable<ObjectHint>, options: ExternalCall): Promise<void>
}
