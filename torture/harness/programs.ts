import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** Where tests of this process bundle the programs to. */
export const testProgramFolder: string = join(here, '../node_modules', `.programs-${process.pid}`)

/** Where the bundled programs are: beside the running bundle, or where a test has put them. */
export function programFolder(): string {
  const folder = existsSync(join(here, 'worker.js')) ? here : testProgramFolder
  if (existsSync(folder)) return folder
  throw new Error(`${folder} holds no bundled programs; bundle them first (harness/bundle.mjs)`)
}
