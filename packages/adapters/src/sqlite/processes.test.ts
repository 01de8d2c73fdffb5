import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { sqliteCatalog } from './index.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** Registers volumes named after itself, and prints each name once it is acknowledged. */
const PROGRAM = `
import { sqliteCatalog } from './index.ts'
const [file, name, count, ending] = process.argv.slice(2)
const catalog = sqliteCatalog({ file })
await catalog.open()
for (let at = 0; at < Number(count); at++) {
  const id = name + '-' + at
  await catalog.registerVolume({ id, tier: 't', layout: 1 })
  process.stdout.write(id + '\\n')
}
if (ending === 'close') await catalog.close()
`

let programs: string
let program: string
let folder: string
let file: string
const children = new Set<ChildProcess>()

beforeAll(async () => {
  // Below the package, so that the program finds the native driver as the package does.
  mkdirSync(modules, { recursive: true })
  programs = mkdtempSync(join(modules, '.mediakeep-test-'))
  program = join(programs, 'program.mjs')
  const options: BuildOptions = {
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@mediakeep/source'],
    external: ['better-sqlite3'],
    logLevel: 'error',
  }
  await build({
    ...options,
    stdin: { contents: PROGRAM, resolveDir: here, loader: 'ts' },
    outfile: program,
  })
  await build({ ...options, entryPoints: [join(here, 'worker.ts')], outfile: join(programs, 'worker.js') })
})
afterAll(() => rm(programs, { recursive: true }))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-sqlite-'))
  file = join(folder, 'catalog.db')
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  await rm(folder, { recursive: true })
})

function start(...args: string[]): { readonly child: ChildProcess; readonly lines: AsyncIterable<string> } {
  const child = spawn(process.execPath, [program, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  if (child.stdout === null) throw new Error('the child has no output')
  return { child, lines: createInterface({ input: child.stdout }) }
}

async function volumes(): Promise<Set<string>> {
  const catalog = sqliteCatalog({ file })
  await catalog.open()
  const found = await catalog.listVolumes()
  await catalog.close()
  return new Set(found.map((volume) => volume.id))
}

test('every acknowledged commit is there after the process was killed in the middle of others', async () => {
  for (let round = 0; round < 3; round++) {
    const { child, lines } = start(`round${round}`, '1000000', 'close')
    const acknowledged: string[] = []
    for await (const line of lines) {
      acknowledged.push(line)
      if (acknowledged.length === 20) child.kill('SIGKILL')
    }
    const found = await volumes()
    expect(acknowledged.length).toBeGreaterThanOrEqual(20)
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
  }
})

test('four processes that write at once all succeed, and nothing is lost', async () => {
  const runs = ['a', 'b', 'c', 'd'].map((name) => start(name, '50', 'close').child)
  const exits = await Promise.all(runs.map((child) => once(child, 'exit')))
  expect(exits.map(([code]) => code)).toEqual([0, 0, 0, 0])
  expect((await volumes()).size).toBe(200)
})

test('a process that forgets to close its catalog ends all the same', async () => {
  const { child } = start('forgetful', '2', 'forget')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect((await volumes()).size).toBe(2)
})
