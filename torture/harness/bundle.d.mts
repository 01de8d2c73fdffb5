export declare function bundlePrograms(outdir: string): Promise<void>
