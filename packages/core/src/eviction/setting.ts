import { MediaError } from '../errors/media-error.ts'

/**
 * What a miss costs, and so what room is worth. One rule with one number, the exponent `a`: a byte of room that holds an
 * object of `s` bytes is worth its frequency times `s ** -a`.
 * - `balanced` (0.5): neither requests nor bytes alone.
 * - `requests` (1): every miss costs the same, so many small objects beat one large one.
 * - `bytes` (0): a miss costs its bytes, so size does not matter.
 * - `prices`: a miss costs `perRequest + perByte * s`, in any currency; the exponent follows from that for each size.
 * - `lru`: neither frequency nor size; what was used longest ago leaves.
 */
export type EvictionSetting =
  | 'balanced'
  | 'requests'
  | 'bytes'
  | 'lru'
  | { readonly exponent: number }
  | { readonly prices: { readonly perRequest: number; readonly perByte: number } }

/** What a setting decides. */
export interface ValueRule {
  /** Natural logarithm of what a byte of room is worth that holds an object of this size, used once. */
  logWorth(sizeBytes: number): number
  /** Whether the past counts: it does not for `lru`, which takes everything in, too. */
  readonly usesFrequency: boolean
  /** Weighs requests and bytes: such a setting is not to fall behind `lru`, which gives up neither for the other. */
  readonly weighsBoth: boolean
}

const EXPONENTS = { balanced: 0.5, requests: 1, bytes: 0 } as const

/** @throws MediaError MEDIA_BAD_INPUT for an exponent outside 0..1, or prices that are negative or both 0 */
export function valueRule(setting: EvictionSetting): ValueRule {
  if (setting === 'lru') return { logWorth: () => 0, usesFrequency: false, weighsBoth: false }
  if (typeof setting === 'object' && 'prices' in setting)
    return {
      logWorth: byPrices(setting.prices),
      usesFrequency: true,
      weighsBoth: setting.prices.perRequest > 0 && setting.prices.perByte > 0,
    }
  const exponent = typeof setting === 'object' ? setting.exponent : EXPONENTS[setting]
  if (!(exponent >= 0 && exponent <= 1)) throw badSetting(`exponent ${exponent} is not between 0 and 1`)
  return {
    logWorth: (sizeBytes) => -exponent * Math.log(Math.max(1, sizeBytes)),
    usesFrequency: true,
    weighsBoth: exponent > 0 && exponent < 1,
  }
}

function byPrices({ perRequest, perByte }: { readonly perRequest: number; readonly perByte: number }) {
  const isPrice = (price: number): boolean => Number.isFinite(price) && price >= 0
  if (!isPrice(perRequest) || !isPrice(perByte) || perRequest + perByte === 0)
    throw badSetting(`prices ${perRequest} per request and ${perByte} per byte say nothing`)
  return (sizeBytes: number): number => {
    const bytes = Math.max(1, sizeBytes)
    return Math.log((perRequest + perByte * bytes) / bytes)
  }
}

function badSetting(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `eviction: ${message}`, { reason: 'bad-eviction-setting' })
}
