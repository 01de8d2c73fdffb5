import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { rootFolder } from './root.mjs'
import { runTool } from './run.mjs'

/** Removes what earlier builds left behind and a tarball would carry: unused chunks, declarations without a source. */
function removeLeftovers(startedMs) {
  const packages = join(rootFolder, 'packages')
  for (const name of readdirSync(packages)) {
    const dist = join(packages, name, 'dist')
    if (!existsSync(dist)) continue
    for (const file of readdirSync(dist, { recursive: true })) {
      const path = join(dist, file)
      const declared = /^(.*)\.d\.ts(\.map)?$/.exec(file)?.[1]
      const isLeftover = declared
        ? !existsSync(join(packages, name, 'src', `${declared}.ts`))
        : /^chunk-.*\.js(\.map)?$/.test(file) && statSync(path).mtimeMs < startedMs
      if (isLeftover) rmSync(path)
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
  removeLeftovers(startedMs)
  const { bundleWorkers } = await import('../workers.mjs')
  await bundleWorkers()
  if (!declarations) return
  const declared = await runTool('typescript', ['-b'], { bin: 'tsc' })
  if (declared !== 0) throw new Error('build: tsc -b failed')
}
