import { BODY_RATE_WINDOW_MS, MAX_JSON_BYTES, MAX_STALL_MS, MIN_BODY_BYTES_PER_SECOND } from '../defaults.ts'
import type { MultipartLimits } from '../multipart/form.ts'
import { checkRouterOptions } from './check-options.ts'

/** What went wrong without being the client's fault, or after the answer had begun. */
export type ErrorListener = (
  error: unknown,
  about: { readonly requestId: string; readonly method: string; readonly path: string },
) => void

export interface RouterOptions {
  /** Path that stands before the router's own in `request.url`, where no framework cuts it off: `/media`. Default: none. */
  readonly basePath?: string
  /** Largest JSON body. Default 100 KiB. */
  readonly maxJsonBytes?: number
  /** Framing limits of forms. */
  readonly multipart?: Partial<MultipartLimits>
  /** Slowest body that is waited for; 0 waits for ever. Default 1,024. */
  readonly minBodyBytesPerSecond?: number
  /** Time over which that rate is measured. Default 30,000. */
  readonly bodyRateWindowMs?: number
  /** A download that moves no byte for this long is ended; 0 never. Default 120,000. */
  readonly maxStallMs?: number
  /** `WWW-Authenticate` of a 401. Default `Bearer`. */
  readonly challenge?: string
  /** Told about failures that are not the client's. Default: nobody; the client gets a 500 with a request id in any case. */
  readonly onError?: ErrorListener
}

export interface RouterSettings {
  readonly basePath: string
  readonly maxJsonBytes: number
  readonly multipart: Partial<MultipartLimits>
  readonly minBodyBytesPerSecond: number
  readonly bodyRateWindowMs: number
  readonly maxStallMs: number
  readonly challenge: string
  readonly onError: ErrorListener
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` naming options that are unknown, or of another kind than they have to be. */
export function settingsOf(router: string, options: RouterOptions): RouterSettings {
  checkRouterOptions(router, options)
  const basePath = (options.basePath ?? '').replace(/\/+$/, '')
  return {
    basePath,
    maxJsonBytes: options.maxJsonBytes ?? MAX_JSON_BYTES,
    multipart: options.multipart ?? {},
    minBodyBytesPerSecond: options.minBodyBytesPerSecond ?? MIN_BODY_BYTES_PER_SECOND,
    bodyRateWindowMs: options.bodyRateWindowMs ?? BODY_RATE_WINDOW_MS,
    maxStallMs: options.maxStallMs ?? MAX_STALL_MS,
    challenge: options.challenge ?? 'Bearer',
    onError: options.onError ?? ignore,
  }
}

function ignore(): void {}
