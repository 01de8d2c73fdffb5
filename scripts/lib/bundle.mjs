// Bundles sources, so that plain Node 20 can run them: inner parts that no package exports, and programs of tests.
import { join } from 'node:path'
import { rootFolder } from './root.mjs'

const fromSources = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  conditions: ['@mediakeep/source'],
}

/** esbuild's options for programs that tests start and kill. */
export const programOptions = {
  ...fromSources,
  // Most of the cost of a program that is killed a moment later is its start: what is imported late is loaded late.
  splitting: true,
  // Native, or clients of remote stores and databases, which are imported late and which these programs do not need.
  external: ['better-sqlite3', '@aws-sdk/*', '@smithy/*', 'ioredis', 'minio', 'pg'],
  banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
  logLevel: 'error',
}

/** The worker threads that a program with a store starts, by the names that it looks for beside itself. */
export const workerEntryPoints = {
  worker: join(rootFolder, 'packages/adapters/src/sqlite/worker.ts'),
  'inspect-worker': join(rootFolder, 'packages/core/src/inspect/worker.ts'),
}

/** Makes one self-contained ES module of a source file (path from the root of the clone). */
export async function bundleSource(source, target) {
  const { build } = await import('esbuild')
  await build({
    ...fromSources,
    entryPoints: [join(rootFolder, source)],
    outfile: target,
    external: ['sharp'], // A peer that may be absent.
    logLevel: 'warning',
  })
}
