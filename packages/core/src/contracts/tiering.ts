import type { Call } from './call.ts'
import type { MoveCause } from './catalog.ts'
import type { MediaRef, Visibility } from './media.ts'
import type { AttemptClass } from './object-store.ts'

/** Prices in US dollars. What is absent costs nothing. */
export interface PriceTable {
  /** For one request of a class. */
  readonly perRequest?: Partial<Readonly<Record<AttemptClass, number>>>
  /** For 10^9 bytes that leave the store for us. */
  readonly perGigabyteOut?: number
  /** For 10^9 bytes kept for a month. */
  readonly perGigabyteMonth?: number
}

/** Which new bodies, or which media, a rule is about: every member given must hold. */
export interface PlacementMatch {
  /** `video/mp4`, or `video/*`. */
  readonly contentType?: string
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly owner?: string
  readonly namespace?: string
  /** Media that were created longer ago. New bodies never are. */
  readonly olderThanMs?: number
}

/** Where media belong, as data: the first rule that matches counts. */
export interface PlacementRule {
  /** For `explain` and events; unique. */
  readonly name: string
  readonly match: PlacementMatch
  /** Names of home tiers in order of preference; a body goes to the first that takes it. */
  readonly tiers: readonly string[]
}

/** When writes leave the first tier of their rule for the next one. Each condition can be switched off. */
export interface BurstOptions {
  /** The tier is over its high watermark, until it is under its low one. Default true. */
  readonly whenFull?: boolean
  /** Its volume is offline or refuses writes. Default true. */
  readonly whenDown?: boolean
  /**
   * Its writes of late took longer than this for each MiB begun, until they take less than half of it. In milliseconds.
   * Default 0: never.
   */
  readonly whenSlowerThanMs?: number
  /** A condition holds at least this long, in milliseconds. Default 10,000. */
  readonly holdMs?: number
  /** What went elsewhere in a burst comes back once the condition has ended and there is room below the low watermark. Default true. */
  readonly drainBack?: boolean
}

/** When a copy of what is read from a tier that does not serve is made on one that does. */
export interface PromotionOptions {
  /** Reads within the window that make a media worth a copy. Default 2; 0: never. */
  readonly reads?: number
  /** In milliseconds. Default one hour. */
  readonly windowMs?: number
  /** Larger media are never promoted by reading, only by `warm`. Default 1 GiB. */
  readonly maxBytes?: number
}

/** What a day may cost, over all hosts. What is spent is counted before it is spent. */
export interface BudgetOptions {
  readonly dailyDollars: number
  /** Writes do not burst into a paid tier while there is room elsewhere once it is spent. Default true. */
  readonly stopBursts?: boolean
  /** Reads from paid tiers are answered MEDIA_NOT_READY `budget-spent` once it is spent. Default true. */
  readonly delayReads?: boolean
}

export interface TieringOptions {
  readonly rules?: readonly PlacementRule[]
  readonly burst?: BurstOptions
  readonly promotion?: PromotionOptions
  readonly budget?: BudgetOptions
  /**
   * How long bytes stay after their copy was told to leave, in milliseconds: longer than anybody may use an address or a decision
   * made before. Default 0.
   */
  readonly evictGraceMs?: number
  /** Copies that move at once. Default 4. */
  readonly maxMoves?: number
  /**
   * Pause between two reconciliations of an external tier that has `imports`, in milliseconds. Default 24 hours; 0: never. The
   * first is an hour after the start, or after this time where that is shorter.
   */
  readonly reconcileEveryMs?: number
}

/** How objects of a store that is not ours become media. */
export interface ImportMapping {
  /** Only objects whose key begins so. Default: all. */
  readonly prefix?: string
  /** Of new records. Default `anonymous`. */
  readonly owner?: string
  /** Of new records. Default `private`. */
  readonly visibility?: Visibility
  /**
   * Key of the media that an object of this key is; `undefined`: it is none. Must answer the same at all times, and another for every
   * object. Default: the same key.
   */
  readonly keyOf?: (objectKey: string) => string | undefined
}

/** What keeps an external tier in step by itself, and what calls that say nothing else use. */
export interface ImportOptions extends ImportMapping {
  /** Where its media live: those of one tier in one namespace. Default `default`. */
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
  /** Left alone: another media has the key, or the object is one of ours. */
  readonly taken: number
  /** Left alone: `keyOf` said so, or the name is none that a media may have. */
  readonly refused: number
  /** Those since the progress before. */
  readonly refusedKeys: readonly string[]
}

export interface ReconcileProgress extends ImportProgress {
  /** Objects that were known and not listed. */
  readonly missing: number
  /** Of them, those that are forgotten now, with their records. */
  readonly forgotten: number
}

/** What a look at one object changed. */
export type HintOutcome = 'registered' | 'replaced' | 'unchanged' | 'taken' | 'refused' | 'forgotten'

/**
 * Something may have happened to an object; `all`: to any of them, as after a lost connection. Hints may come late, twice, out of
 * order or never.
 */
export type ObjectHint = { readonly key: string } | { readonly type: 'all' }

/** Where hints come from: each call listens anew, until the signal. */
export type HintSource = (options: { readonly signal: AbortSignal }) => AsyncIterable<ObjectHint>

/** Which external tier a call is about, and how its objects become media. Members that are absent are those of its `imports`. */
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
  /** At most 1,000 of them, in the order they would be made; the sums are of all. */
  readonly moves: readonly PlannedMove[]
  readonly objects: number
  readonly bytes: number
  readonly costDollars: number
  /** What keeping costs a month more (or less, below 0) afterwards. */
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
  /** The rule that matched; absent: no rule, the order of the tiers. */
  readonly rule?: string
  /** Where it belongs, in order of preference. */
  readonly tiers: readonly string[]
  readonly copies: readonly {
    readonly tier: string
    readonly volumeId: string
    /** On this host, or on one that all share. */
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
  /** What the reads and writes of these days would have cost had every byte lived in the dearest tier. */
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
  /** Why writes go elsewhere now; absent: they do not. */
  readonly burst?: 'full' | 'slow' | 'down'
}

export interface WithdrawOptions extends Call {
  /** Only moves to this tier, which may be one that is configured no more. */
  readonly to?: string
  readonly cause?: MoveCause
}

export interface Tiering {
  status(): Promise<readonly TierStatus[]>
  /** What would be moved now to relieve full tiers, follow the rules and drain bursts, and what that costs. Changes nothing. */
  plan(options?: Call): Promise<TierPlan>
  /** Plans and moves until nothing is due. Safe beside all else, in any number of processes. */
  apply(options?: Call): AsyncIterable<TierProgress>
  /**
   * Takes back planned moves that have not been made: all of them, or those to a tier, or of a cause. What is being copied at this
   * moment may still be: it is a copy more then, and what was there stays or leaves as ever. What a rule or a full tier still asks
   * for is planned again.
   * @throws MediaError MEDIA_BAD_INPUT `unknown-tier`, `unknown-cause`, `unknown-option`
   */
  withdraw(options?: WithdrawOptions): Promise<{ readonly withdrawn: number }>
  /** @throws MediaError MEDIA_ABSENT */
  explain(ref: MediaRef, options?: Call): Promise<PlacementExplanation>
  /** Days are UTC dates of the catalog's clock, both included. Default: today. */
  costs(options?: Call & { readonly fromDay?: string; readonly toDay?: string }): Promise<CostReport>
  /**
   * Makes media of the objects of an external tier, by its listing alone: nothing is read, and nothing there is ever changed. Their
   * digest is learned when they are read whole for the first time. Safe to repeat: what is known stays as it is.
   * @throws MediaError MEDIA_BAD_INPUT `not-external` | `other-namespace`
   */
  importObjects(options: ExternalCall): AsyncIterable<ImportProgress>
  /**
   * Brings what is known of an external tier in step with the store: new objects are registered, changed ones give their
   * media a new content, media whose objects are gone go. Nothing goes because of a listing that failed, or of a volume that
   * is away, and each only after it was asked for by itself.
   * @throws MediaError MEDIA_CONFLICT `reconcile-brake`, before anything goes, when so much would that it looks like a mistake;
   * MEDIA_BAD_INPUT as `importObjects`.
   */
  reconcile(options: ExternalCall & { readonly force?: boolean }): AsyncIterable<ReconcileProgress>
  /**
   * Looks at one object and does what `reconcile` would for it. What a notification says is never believed: late, double and
   * out of order ones end in what the store has.
   * @throws MediaError MEDIA_BAD_INPUT as `importObjects`; MEDIA_UNAVAILABLE when the store cannot be asked.
   */
  hint(options: ExternalCall & { readonly key: string }): Promise<HintOutcome>
  /**
   * Follows hints until they end: some keys at once, each once however often it is hinted at meanwhile; what fails is tried
   * again a few times and then told as an event. After `all` it reconciles.
   */
  followHints(hints: AsyncIterable<ObjectHint>, options: ExternalCall): Promise<void>
}
