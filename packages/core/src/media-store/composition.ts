import type { ArchiveLimits, MediaPolicy } from '../contracts/policy.ts'
import type { ScanningOptions } from '../contracts/scanning.ts'
import type {
  BudgetOptions,
  BurstOptions,
  ImportOptions,
  PlacementMatch,
  PlacementRule,
  PriceTable,
  PromotionOptions,
  TieringOptions,
} from '../contracts/tiering.ts'
import { anything, type Check, listOf, membersOf, oneOf, wordsOr } from '../options/checks.ts'
import type { TierOptions } from '../tiering/tier.ts'
import type { LimitOptions, MediaStoreOptions, ReadOptions, UpkeepOptions } from './options.ts'

const archives = membersOf<ArchiveLimits>({
  maxEntries: anything,
  maxTotalBytes: anything,
  maxRatio: anything,
  allowEncrypted: anything,
  allowNested: anything,
})

const policy = membersOf<MediaPolicy>({
  match: anything,
  maxBytes: anything,
  minBytes: anything,
  maxPixels: anything,
  maxFrames: anything,
  maxTotalPixels: anything,
  trailingData: oneOf('camera', 'refuse', 'allow'),
  activeContent: oneOf('refuse', 'allow'),
  archives: wordsOr(oneOf('refuse', 'unchecked'), archives),
  facts: oneOf('size', 'camera', 'position'),
  refuse: anything,
  allowUnrecognised: anything,
})

const imports = membersOf<ImportOptions>({
  prefix: anything,
  owner: anything,
  visibility: oneOf('private', 'public'),
  keyOf: anything,
  namespace: anything,
})

const prices = membersOf<PriceTable>({
  perRequest: anything,
  perGigabyteOut: anything,
  perGigabyteMonth: anything,
})

const tier = membersOf<TierOptions>({
  name: anything,
  store: anything,
  role: oneOf('home', 'cache', 'external'),
  capacityBytes: anything,
  highWatermarkRatio: anything,
  lowWatermarkRatio: anything,
  prices,
  serves: anything,
  directUrls: anything,
  imports,
  hints: anything,
  eviction: anything,
})

const match = membersOf<PlacementMatch>({
  contentType: anything,
  minBytes: anything,
  maxBytes: anything,
  owner: anything,
  namespace: anything,
  olderThanMs: anything,
})

const tiering = membersOf<TieringOptions>({
  rules: listOf(membersOf<PlacementRule>({ name: anything, match, tiers: listOf(anything) })),
  burst: membersOf<BurstOptions>({
    whenFull: anything,
    whenDown: anything,
    whenSlowerThanMs: anything,
    holdMs: anything,
    drainBack: anything,
  }),
  promotion: membersOf<PromotionOptions>({ reads: anything, windowMs: anything, maxBytes: anything }),
  budget: membersOf<BudgetOptions>({ dailyDollars: anything, stopBursts: anything, delayReads: anything }),
  evictGraceMs: anything,
  maxMoves: anything,
  reconcileEveryMs: anything,
})

/** Every member that a composition may have, and the words that some of them take. */
export const composition: Check = membersOf<MediaStoreOptions>({
  tiers: listOf(tier),
  catalog: anything,
  keys: anything,
  policies: listOf(policy),
  dedupe: oneOf('store', 'namespace'),
  publicBaseUrl: anything,
  minCopies: anything,
  hostId: anything,
  scanner: anything,
  scanning: membersOf<ScanningOptions>({
    mode: oneOf('sync', 'async'),
    onInfected: oneOf('quarantine', 'reject'),
    onUnscannable: oneOf('quarantine', 'reject', 'accept'),
    timeoutMs: anything,
    maxConcurrent: anything,
  }),
  tiering,
  resourceStates: anything,
  limits: membersOf<LimitOptions>({
    maxUploadsInFlight: anything,
    maxBodyBytes: anything,
    memoryBodyBytes: anything,
    ownerBytes: anything,
    maxOpenUploads: anything,
  }),
  reads: membersOf<ReadOptions>({ cacheBytes: anything, verifiedForMs: anything }),
  upkeep: membersOf<UpkeepOptions>({
    intervalMs: anything,
    garbageGraceMs: anything,
    maxGarbageRatio: anything,
    verifyEveryMs: anything,
    verifyBytesPerSecond: anything,
  }),
  observer: anything,
  clock: anything,
  sessionTtlMs: anything,
})
