import { mkdirSync, mkdtempSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { programOptions, workerEntryPoints } from '../../../scripts/lib/bundle.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const modules = fileURLToPath(new URL('../node_modules', import.meta.url))

/** Bundles a program from the sources, for a process of its own. @returns a folder to remove, with the program as `dist/program.js` */
export async function bundleProgram(source: string): Promise<string> {
  // Below the package, so that the program finds the native driver as the package does.
  mkdirSync(modules, { recursive: true })
  const folder = mkdtempSync(join(modules, '.mediakeep-test-'))
  await build({
    ...programOptions,
    outdir: join(folder, 'dist'),
    outExtension: { '.js': '.js' },
    entryPoints: { program: join(here, source), ...workerEntryPoints },
  })
  await copyFile(join(here, '../package.json'), join(folder, 'package.json'))
  return folder
}
