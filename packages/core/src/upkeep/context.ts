import type { ReadCache } from '../cas/read-cache.ts'
import type { VerifyMemo } from '../cas/verify-memo.ts'
import type { IngestContext } from '../ingest/context.ts'
import type { MediaJournal } from '../journal/index.ts'
import type { BackgroundScans } from '../scanning/background.ts'

/** What upkeep needs of the store it works for. */
export interface UpkeepContext extends IngestContext {
  readonly activity: {
    /** @throws MediaError MEDIA_CLOSED once the store is closing. */
    checkOpen(): void
  }
  readonly journal: MediaJournal
  readonly cache: ReadCache
  readonly memo: VerifyMemo
  readonly garbageGraceMs: number
  readonly maxGarbageRatio: number
  /** Looks that nobody waits for. */
  readonly scans: BackgroundScans
}
