import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { missingClamdReason } from './clamd.mjs'

const program = `
  const { startClamd } = await import(process.argv[1])
  const { socketPath, pid } = await startClamd()
  console.log(JSON.stringify({ socketPath, pid }))
  setInterval(() => undefined, 1_000)
`
const missing = missingClamdReason()
if (missing !== undefined) console.log(`scripts/clamd.mjs: skipped: ${missing}`)

test.skipIf(missing !== undefined && process.env.CI !== 'true')(
  'a daemon and its folder go with the process that started it, however that ends',
  async () => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', program, import.meta.resolve('./clamd.mjs')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const { socketPath, pid } = JSON.parse(line)
    expect(existsSync(socketPath)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => existsSync(dirname(socketPath)), { timeout: 10_000 }).toBe(false)
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  },
)
