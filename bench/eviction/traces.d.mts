export interface Trace {
  readonly name: string
  readonly ids: Int32Array
  readonly sizes: Float64Array
  readonly footprintBytes: number
  readonly requestedBytes: number
}
export declare function traceNames(folder: string): string[] | undefined
export declare function readTrace(folder: string, name: string): Trace
export declare function makeTrace(name: string, ids: readonly number[], sizes: readonly number[]): Trace
