import { bundleSqliteWorker } from './sqlite-worker.mjs'

export default async function setup() {
  await bundleSqliteWorker()
}
