// Bundles the SQLite worker thread into one self-contained file, dist/sqlite/worker.js.
// The build and the test set-up both call this, so tests from source run the very file that is published:
// Node 20 cannot start a worker from TypeScript.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { rootFolder } from './lib/root.mjs'

const source = join(rootFolder, 'packages/adapters/src/sqlite/worker.ts')
const target = join(rootFolder, 'packages/adapters/dist/sqlite/worker.js')
const watched = ['packages/adapters/src/sqlite', 'packages/core/src']

/** Newest change below a folder, folders included, so that a deleted file counts too. */
function newestChangeMs(folder) {
  let newest = statSync(folder).mtimeMs
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestChangeMs(path) : statSync(path).mtimeMs)
  }
  return newest
}

/** Makes the worker file when it is missing or older than what it is made from. */
export async function bundleSqliteWorker() {
  if (!existsSync(source)) return
  const changedMs = Math.max(...watched.map((folder) => newestChangeMs(join(rootFolder, folder))))
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

/** Takes the worker file away, so that nothing runs an old one. */
export function removeSqliteWorker() {
  rmSync(target, { force: true })
}
