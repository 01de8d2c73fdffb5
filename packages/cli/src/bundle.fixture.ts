import { mkdirSync, mkdtempSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const modules = fileURLToPath(new URL('../node_modules', import.meta.url))

/** Bundles a program from the sources, for a process of its own. @returns a folder to remove, with the program as `dist/program.js` */
export async function bundleProgram(source: string): Promise<string> {
  // Below the package, so that the program finds the native driver as the package does.
  mkdirSync(modules, { recursive: true })
  const folder = mkdtempSync(join(modules, '.mediakeep-test-'))
  await build({
    bundle: true,
    // What is imported late is loaded late: to start is most of what a program costs that is killed a moment later.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mediakeep/source'],
    // Clients of remote stores and databases are imported late, and these programs need none.
    external: ['better-sqlite3', '@aws-sdk/*', '@smithy/*', 'ioredis', 'minio', 'pg'],
    logLevel: 'error',
    outdir: join(folder, 'dist'),
    outExtension: { '.js': '.js' },
    entryPoints: {
      program: join(here, source),
      worker: join(here, '../../adapters/src/sqlite/worker.ts'),
      'inspect-worker': join(here, '../../core/src/inspect/worker.ts'),
    },
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
  })
  await copyFile(join(here, '../package.json'), join(folder, 'package.json'))
  return folder
}
