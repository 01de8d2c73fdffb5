import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { expect, test } from 'vitest'

const packageRoot = fileURLToPath(new URL('..', import.meta.url))

const SUITE = `import { describeConformance } from '../src/node-test.ts'
const open = async () => ({ context: 0, leftovers: async () => [], cleanup: async () => {} })
const cases = [
  { id: 'good', claim: 'passes', check: async () => {} },
  { id: 'bad', claim: 'fails', check: async () => { throw new Error('broken promise') } },
  { id: 'absent', claim: 'needs', needs: ['wings'], check: async () => {} },
]
await describeConformance('subject', { cases, waivers: [], timeoutMs: 1000, capabilities: async () => new Set(), open })
`

test('describeConformance() makes node:test tests that pass and fail, of what applies', async () => {
  const directory = await mkdtemp(join(packageRoot, '.node-test-'))
  try {
    await writeFile(join(directory, 'suite.ts'), SUITE)
    await mkdir(join(directory, 'out'))
    await build({
      config: false,
      silent: true,
      removeNodeProtocol: false, // there is no `test` without it
      entry: [join(directory, 'suite.ts')],
      outDir: join(directory, 'out'),
      format: 'esm',
      platform: 'node',
      outExtension: () => ({ js: '.mjs' }),
      noExternal: [/^@mediakeep\//],
      esbuildOptions(options) {
        options.conditions = ['@mediakeep/source']
        options.banner = {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        }
      },
    })
    const output = await run(['--test-reporter=tap', join(directory, 'out', 'suite.mjs')])
    expect(output).toMatch(/^\s*ok \d+ - good: passes$/m)
    expect(output).toMatch(/^\s*not ok \d+ - bad: fails$/m)
    expect(output).not.toContain('absent')
    expect(output).toContain('broken promise')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  return output
}
