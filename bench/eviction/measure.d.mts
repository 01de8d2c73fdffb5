import type { EvictionOptions, EvictionPolicy } from '@mediakeep/core'
import type { Trace } from './traces.mjs'

export interface Row {
  readonly trace: string
  readonly sizeRatio: number
  readonly policy: string
  readonly objectMissRatio: number
  readonly byteMissRatio: number
  readonly objectShare?: number
  readonly byteShare?: number
  readonly seeds?: number
  readonly spread?: { readonly objects: Spread; readonly bytes: Spread }
}
interface Spread {
  readonly lowest: number
  readonly highest: number
}
export declare const SETTINGS: readonly string[]
export declare function measureTrace(
  trace: Trace,
  options: {
    readonly sizeRatios: readonly number[]
    readonly settings: readonly string[]
    /** Default 1. */
    readonly seeds?: number
    readonly createEvictionPolicy: (options: EvictionOptions) => EvictionPolicy
  },
): Row[]
export declare function withShares(rows: readonly Row[]): Row[]
export declare function worstAgainstLru(rows: readonly Row[], policy: string): { readonly points: number }
