import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const torture = join(import.meta.dirname, '..')

/**
 * Bundles main, every `*.program.ts` below torture/, and the workers into one folder: `main.js`,
 * `<name>.program.js`, `worker.js` of the catalog, `inspect-worker.js`. `plugins` are esbuild's. The folder lies below torture/node_modules, so that native packages are found.
 */
export async function bundlePrograms(outdir, plugins = []) {
  const programs = readdirSync(torture, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.program.ts') && !path.includes('node_modules'),
  )
  await build({
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mediakeep/source'],
    external: ['better-sqlite3', 'cacache', 'esbuild', 'playwright-core', 'sharp'],
    plugins,
    sourcemap: 'inline',
    logLevel: 'error',
    outdir,
    entryPoints: {
      main: join(torture, 'main.ts'),
      worker: join(torture, '../packages/adapters/src/sqlite/worker.ts'),
      'inspect-worker': join(torture, '../packages/core/src/inspect/worker.ts'),
      ...Object.fromEntries(
        programs.map((path) => [path.replace(/^.*\//, '').replace(/\.ts$/, ''), join(torture, path)]),
      ),
    },
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
  })
}
