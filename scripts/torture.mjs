// npm run torture [-- options]: bundles the programs below torture/ from the sources, so that they run on any Node.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { main } from './lib/main.mjs'
import { rootFolder } from './lib/root.mjs'
import { runNode } from './lib/run.mjs'
import { setUp } from './lib/setup.mjs'

await main(async () => {
  await setUp({ declarations: false })
  const { bundlePrograms } = await import('../torture/harness/bundle.mjs')
  const folder = join(rootFolder, `torture/node_modules/.programs-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  try {
    await bundlePrograms(folder)
    return await runNode([join(folder, 'main.js'), ...process.argv.slice(2)], {})
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
