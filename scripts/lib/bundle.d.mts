import type { BuildOptions } from 'esbuild'

export declare const programOptions: BuildOptions
export declare const workerEntryPoints: Readonly<Record<string, string>>
