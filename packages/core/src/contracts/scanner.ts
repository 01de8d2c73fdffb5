import type { ByteSource, Digest } from './bytes.ts'

/** By what a verdict was given. Another engine or database may find what this one did not. */
export interface ScannerVersion {
  readonly engine: string
  readonly database: string
}

/**
 * What a scanner found in a body. `unscannable`: it looked, or knew that it could not, and cannot say (`reason`, kebab-case).
 * Engine and database are those that looked, or older ones: never newer.
 */
export type ScanVerdict =
  | (ScannerVersion & { readonly verdict: 'clean' })
  | (ScannerVersion & { readonly verdict: 'infected'; readonly signature: string })
  | (ScannerVersion & { readonly verdict: 'unscannable'; readonly reason: string })

/** Looks at bytes before anybody may read them. A failure to look throws; it is never "clean". */
export interface Scanner {
  readonly name: string
  /** @throws the reason of the signal, untouched; what the source throws; MediaError MEDIA_UNAVAILABLE, worth trying again */
  scan(
    source: ByteSource,
    about: { readonly digest: Digest; readonly contentType: string; readonly signal?: AbortSignal },
  ): Promise<ScanVerdict>
  /**
   * By what a body would be looked at now: verdicts are kept by digest, engine and database, and when either of these changed, what
   * is kept may be scanned again. Absent where a scanner cannot tell; its verdicts are then good until somebody rescans.
   * @throws as `scan` does
   */
  version?(options?: { readonly signal?: AbortSignal }): Promise<ScannerVersion>
  close(): Promise<void>
}
