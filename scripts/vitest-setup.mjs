import { bundleSqliteWorker, removeSqliteWorker } from './sqlite-worker.mjs'

export default async function setup() {
  try {
    await bundleSqliteWorker()
  } catch {
    // esbuild has printed the reason. Tests without SQLite go on; those with it must not meet yesterday's worker.
    removeSqliteWorker()
  }
}
