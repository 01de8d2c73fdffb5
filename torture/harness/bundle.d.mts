import type { Plugin } from 'esbuild'

export declare function bundlePrograms(outdir: string, plugins?: readonly Plugin[]): Promise<void>
