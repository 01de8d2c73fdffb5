import { bundleWorkers, removeWorkers } from './workers.mjs'

export default async function setup() {
  try {
    await bundleWorkers()
  } catch {
    // esbuild has printed the reason. Tests without workers go on; those with them must not meet yesterday's.
    removeWorkers()
  }
}
