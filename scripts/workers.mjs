// Bundles the worker threads, each into one self-contained file in its package's dist.
// The build and the test set-up both call this, so tests from source run the very files that are published:
// Node 20 cannot start a worker from TypeScript.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { rootFolder } from './lib/root.mjs'

const workers = [
  {
    source: 'packages/adapters/src/sqlite/worker.ts',
    target: 'packages/adapters/dist/sqlite/worker.js',
    watched: ['packages/adapters/src/sqlite', 'packages/core/src'],
  },
  {
    source: 'packages/core/src/inspect/worker.ts',
    target: 'packages/core/dist/inspect-worker.js',
    watched: ['packages/core/src'],
  },
]

/** Newest change below a folder, folders included, so that a deleted file counts too. */
function newestChangeMs(folder) {
  let newest = statSync(folder).mtimeMs
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestChangeMs(path) : statSync(path).mtimeMs)
  }
  return newest
}

/** Makes the worker files that are missing or older than what they are made from. */
export async function bundleWorkers() {
  await Promise.all(workers.map(bundleWorker))
}

async function bundleWorker(worker) {
  const [source, target] = [join(rootFolder, worker.source), join(rootFolder, worker.target)]
  if (!existsSync(source)) return
  const changedMs = Math.max(...worker.watched.map((folder) => newestChangeMs(join(rootFolder, folder))))
  if (existsSync(target) && statSync(target).mtimeMs > changedMs) return
  const { outputFiles } = await build({
    entryPoints: [source],
    outfile: target,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mediakeep/source'],
    external: ['better-sqlite3'],
    logLevel: 'warning',
  })
  mkdirSync(dirname(target), { recursive: true })
  for (const file of outputFiles) {
    // Renamed into place: a test that starts a worker meanwhile reads the old file or the new one, never half.
    const unfinished = `${file.path}.${process.pid}.tmp`
    writeFileSync(unfinished, file.contents)
    renameSync(unfinished, file.path)
  }
}

/** Takes the worker files away, so that nothing runs old ones. */
export function removeWorkers() {
  for (const { target } of workers) rmSync(join(rootFolder, target), { force: true })
}
