// Fails when a package, or a room of core, knows what it must not. The rules stand in lib/arrows.mjs.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrowViolations } from './lib/arrows.mjs'
import { rootFolder } from './lib/root.mjs'

/** Reads every package below `root` and prints each violation with file and line; resolves with the exit code. */
export async function checkArrows(root = rootFolder, print = console.log) {
  // Loaded late: this module is imported by scripts that run before anything is installed.
  const { importsOf } = await import('./lib/imports.mjs')
  let found = 0
  let files = 0
  for (const folder of readdirSync(join(root, 'packages'))) {
    const src = join(root, 'packages', folder, 'src')
    if (!existsSync(src)) continue
    const { name, exports } = JSON.parse(readFileSync(join(src, '../package.json'), 'utf8'))
    const entries = Object.keys(exports).map((entry) => entry.split('/')[1] ?? '.')
    const sources = readdirSync(src, { recursive: true })
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => path.endsWith('.ts'))
      .map((path) => ({ path, imports: importsOf(path, readFileSync(join(src, path), 'utf8')) }))
    files += sources.length
    for (const { path, line, fault } of arrowViolations({ name, entries }, sources)) {
      const shown = path === 'package.json' ? path : `src/${path}`
      print(`packages/${folder}/${shown}:${line} ${fault}`)
      found += 1
    }
  }
  print(`${files} files, ${found} violation${found === 1 ? '' : 's'}`)
  return found === 0 ? 0 : 1
}

if (process.argv[1] === import.meta.filename) process.exitCode = await checkArrows()
