// node scripts/reference.mjs: makes docs/reference from the sources. With --check: fails when a page is not what it would make.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { apiPages } from './lib/api-pages.mjs'
import { bundleSource } from './lib/bundle.mjs'
import { main } from './lib/main.mjs'
import { rootFolder } from './lib/root.mjs'
import { defaultsPage, errorsPage, settingsPage } from './lib/table-pages.mjs'

/** The module a source file is, without a build of its package. */
async function load(source) {
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-reference-'))
  try {
    const target = join(folder, 'module.mjs')
    await bundleSource(source, target)
    return await import(pathToFileURL(target).href)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await main(async () => {
  const folder = join(rootFolder, 'docs/reference')
  const core = await load('packages/core/src/errors/codes.ts')
  const { CONFIG_KEYS } = await load('packages/cli/src/config/keys.ts')
  const { USUAL_NAMES } = await load('packages/cli/src/config/usual-names.ts')
  const pages = {
    ...apiPages(),
    'defaults.md': defaultsPage(),
    'errors.md': errorsPage(core),
    'settings.md': settingsPage(CONFIG_KEYS, USUAL_NAMES),
  }
  mkdirSync(folder, { recursive: true })
  const stale = []
  for (const [name, text] of Object.entries(pages)) {
    const path = join(folder, name)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    stale.push(name)
    if (!process.argv.includes('--check')) writeFileSync(path, text)
  }
  if (!process.argv.includes('--check')) {
    console.log(stale.length === 0 ? 'docs/reference is as the sources say' : `written: ${stale.join(', ')}`)
    return 0
  }
  if (stale.length > 0)
    console.log(`docs/reference is behind the sources: ${stale.join(', ')}; run node scripts/reference.mjs`)
  return stale.length === 0 ? 0 : 1
})
