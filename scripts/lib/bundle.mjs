// Bundles sources that no package exports, so that plain Node 20 can run them: for benchmarks of inner parts.
import { join } from 'node:path'
import { rootFolder } from './root.mjs'

/** Makes one self-contained ES module of a source file (path from the root of the clone). */
export async function bundleSource(source, target) {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [join(rootFolder, source)],
    outfile: target,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mediakeep/source'],
    external: ['sharp'], // A peer that may be absent.
    logLevel: 'warning',
  })
}
