import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../harness/processes.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'

const PACKAGE = 'libcachesim==0.3.5'
const SCRIPT = join(import.meta.dirname, 'reference.py')

export const REFERENCES = ['S3-FIFO', 'SIEVE', 'W-TinyLFU', 'GDSF', 'Belady']

const caches = () =>
  process.env.XDG_CACHE_HOME ??
  (process.platform === 'darwin' ? join(homedir(), 'Library/Caches') : join(homedir(), '.cache'))
const environment = () => join(caches(), 'mediakeep', `bench-${PACKAGE.replace('==', '-')}`)
const pythonOf = (folder) => join(folder, 'bin/python')
const imports = (python) => spawnSync(python, ['-c', 'import libcachesim']).status === 0

/**
 * The Python that has libCacheSim, in an environment outside the repository; undefined with a printed reason where
 * there is none. Only with `mayInstall` is anything downloaded.
 */
export async function findReference({ mayInstall, say }) {
  const python = pythonOf(environment())
  if (existsSync(python) && imports(python)) return python
  if (!mayInstall) {
    say(
      'no reference rows: libCacheSim is not installed; --reference makes an environment for it and installs it from PyPI',
    )
    return undefined
  }
  try {
    say(`installing ${PACKAGE} in ${environment()}`)
    await runProgram('python3', ['-m', 'venv', environment()])
    await runProgram(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', PACKAGE])
  } catch (error) {
    say(`no reference rows: ${error.message}`)
    return undefined
  }
  if (imports(python)) return python
  say('no reference rows: libCacheSim was installed and does not load')
  return undefined
}

/** Replays a trace at all capacities through the policies of libCacheSim that are wanted. */
export async function referenceRows(python, trace, capacities, policies) {
  const folder = temporaryFolder('eviction')
  try {
    const file = join(folder, 'work.json')
    const work = { ids: Array.from(trace.ids), sizes: Array.from(trace.sizes), capacities, policies }
    writeFileSync(file, JSON.stringify(work))
    const out = await runProgram(python, [SCRIPT, file])
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  } finally {
    removeFolder(folder)
  }
}
