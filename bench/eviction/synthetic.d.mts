import type { Trace } from './traces.mjs'

export declare function syntheticTraces(requestCount: number, seed?: number): Trace[]
