import type { Trace } from './traces.mjs'

export declare function createLimit(
  trace: Trace,
): (capacityBytes: number) => { readonly objectMissRatio: number; readonly byteMissRatio: number }
