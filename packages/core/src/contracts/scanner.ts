import type { ByteSource, Digest } from './bytes.ts'

export type ScanVerdict =
  | { readonly verdict: 'clean'; readonly engine: string; readonly database: string }
  | {
      readonly verdict: 'infected'
      readonly engine: string
      readonly database: string
      readonly signature: string
    }
  | {
      readonly verdict: 'unscannable'
      readonly engine: string
      readonly database: string
      readonly reason: string
    }

/** Looks at bytes before anybody may read them. A failure to look throws; it is never "clean". */
export interface Scanner {
  readonly name: string
  scan(
    source: ByteSource,
    about: { readonly digest: Digest; readonly contentType: string; readonly signal?: AbortSignal },
  ): Promise<ScanVerdict>
  close(): Promise<void>
}
