import type { Call } from './call.ts'

export interface ScanningOptions {
  /**
   * `sync` (default): a put is answered when its bytes were looked at. `async`: it is answered before, with a media that is `pending`
   * and becomes active, or is quarantined, by itself.
   */
  readonly mode?: 'sync' | 'async'
  /** What becomes of bytes in which something was found. Default `quarantine`; `reject`: they are refused and not kept (`sync` only). */
  readonly onInfected?: 'quarantine' | 'reject'
  /** The same for bytes that the scanner cannot look into: encrypted, too large, too deep. Default `quarantine`. */
  readonly onUnscannable?: 'quarantine' | 'reject' | 'accept'
  /** How long one look may take. Default 5 minutes. */
  readonly timeoutMs?: number
  /** Looks in the background at once. Default 2. */
  readonly maxConcurrent?: number
}

export interface ScanOptions extends Call {
  /**
   * `pending` (default): only what waits for its first look. `stale`: also all that was looked at by another engine or database than
   * that of now, or never; `all`: whatever is known, but what was released.
   */
  readonly which?: 'pending' | 'stale' | 'all'
  readonly cursor?: string
}

/** Totals so far. */
export interface ScanProgress {
  readonly scanned: number
  readonly infected: number
  readonly unscannable: number
  /** Could not be looked at; they stay what they are. */
  readonly failed: number
  /** Media whose state was changed. */
  readonly changed: number
  readonly cursor?: string
}
