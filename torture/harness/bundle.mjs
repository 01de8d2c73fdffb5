import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

const torture = join(import.meta.dirname, '..')

/** Clients of remote stores and databases: what needs them is loaded by `import()` alone, and nothing here is stored remotely. */
const REMOTE_CLIENTS = ['@aws-sdk/*', '@smithy/*', 'ioredis', 'minio', 'pg']

/**
 * Bundles main, every `*.program.ts` below torture/, and the workers into one folder: `main.js`,
 * `<name>.program.js`, `worker.js` of the catalog, `inspect-worker.js`. `plugins` are esbuild's. The folder lies below torture/node_modules, so that native packages are found.
 */
export async function bundlePrograms(outdir, plugins = []) {
  const programs = readdirSync(torture, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.program.ts') && !path.includes('node_modules'),
  )
  const entryPoints = {
    main: join(torture, 'main.ts'),
    worker: join(torture, '../packages/adapters/src/sqlite/worker.ts'),
    'inspect-worker': join(torture, '../packages/core/src/inspect/worker.ts'),
    ...Object.fromEntries(programs.map((path) => [basename(path, '.ts'), join(torture, path)])),
  }
  const together = ['main', 'spread.program']
  const groups = [
    together,
    ...Object.keys(entryPoints)
      .filter((name) => !together.includes(name))
      .map((name) => [name]),
  ]
  // Each for itself, but for main and its other processes, because files that several share would hold what any of them needs; and
  // split, so that what is imported late is loaded late: to start is most of what a program costs that is killed a moment later.
  await Promise.all(
    groups.map((names) =>
      build({
        bundle: true,
        splitting: true,
        platform: 'node',
        format: 'esm',
        target: 'node20',
        conditions: ['@mediakeep/source'],
        external: ['better-sqlite3', 'cacache', 'esbuild', 'playwright-core', 'sharp', ...REMOTE_CLIENTS],
        plugins,
        sourcemap: 'linked',
        logLevel: 'error',
        outdir,
        entryPoints: Object.fromEntries(names.map((name) => [name, entryPoints[name]])),
        chunkNames: `${names[0]}-[name]-[hash]`,
        banner: {
          js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);",
        },
      }),
    ),
  )
}
