import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { programOptions, workerEntryPoints } from '../../scripts/lib/bundle.mjs'

const torture = join(import.meta.dirname, '..')

/**
 * Bundles main, every `*.program.ts` below torture/, and the workers into one folder: `main.js`, `<name>.program.js`, `worker.js` of the
 * catalog, `inspect-worker.js`. `plugins` are esbuild's. The folder must be below torture/node_modules, so that native packages are found.
 */
export async function bundlePrograms(outdir, plugins = []) {
  const programs = readdirSync(torture, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.program.ts') && !path.includes('node_modules'),
  )
  const entryPoints = {
    main: join(torture, 'main.ts'),
    ...workerEntryPoints,
    ...Object.fromEntries(programs.map((path) => [basename(path, '.ts'), join(torture, path)])),
  }
  const together = ['main', 'spread.program']
  const groups = [
    together,
    ...Object.keys(entryPoints)
      .filter((name) => !together.includes(name))
      .map((name) => [name]),
  ]
  // Each in a build of its own, except main and its other processes: files shared by several programs would hold what any of them needs.
  await Promise.all(
    groups.map((names) =>
      build({
        ...programOptions,
        external: [...programOptions.external, 'cacache', 'esbuild', 'playwright-core', 'sharp'],
        plugins,
        sourcemap: 'linked',
        outdir,
        entryPoints: Object.fromEntries(names.map((name) => [name, entryPoints[name]])),
        chunkNames: `${names[0]}-[name]-[hash]`,
      }),
    ),
  )
}
