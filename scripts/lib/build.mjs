import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { rootFolder } from './root.mjs'
import { runTool } from './run.mjs'

/** Removes what an earlier build left behind: chunk names change with their content and would be published. */
function removeOldJavaScript(startedMs) {
  const packages = join(rootFolder, 'packages')
  for (const name of readdirSync(packages)) {
    const dist = join(packages, name, 'dist')
    if (!existsSync(dist)) continue
    for (const file of readdirSync(dist)) {
      const path = join(dist, file)
      if (/^chunk-.*\.js(\.map)?$/.test(file) && statSync(path).mtimeMs < startedMs) rmSync(path)
    }
  }
}

/**
 * Builds every package into its dist.
 * @throws Error naming the step that failed; its own output has been printed.
 */
export async function build({ declarations }) {
  const startedMs = Date.now() - 1
  const bundled = await runTool('tsup', [])
  if (bundled !== 0) throw new Error('build: tsup failed')
  removeOldJavaScript(startedMs)
  const { bundleSqliteWorker } = await import('../sqlite-worker.mjs')
  await bundleSqliteWorker()
  if (!declarations) return
  const declared = await runTool('typescript', ['-b'], { bin: 'tsc' })
  if (declared !== 0) throw new Error('build: tsc -b failed')
}
