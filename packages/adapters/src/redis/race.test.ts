import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { missingRedisReason, startRedis } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'

const KEYS = 1_000
const PROCESSES = 3
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))

await describeOn('several processes', missingRedisReason(), startRedis, (server) => {
  let programs: string
  beforeAll(async () => {
    // Below the package, so that the program finds ioredis as the package does.
    mkdirSync(modules, { recursive: true })
    programs = mkdtempSync(join(modules, '.mediakeep-test-'))
    await build({
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['@mediakeep/source'],
      external: ['ioredis'],
      logLevel: 'error',
      outfile: join(programs, 'race.js'),
      entryPoints: [fileURLToPath(new URL('testing/race.fixture.ts', import.meta.url))],
      banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    })
  })
  afterAll(() => rmSync(programs, { recursive: true, force: true }))

  test(`${PROCESSES} that claim the same ${KEYS} keys at once have one holder for each`, async () => {
    const racers = Array.from({ length: PROCESSES }, () => {
      const child = spawn(process.execPath, [join(programs, 'race.js'), server.url, String(KEYS)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
    })
    try {
      for (const { lines } of racers) expect((await lines.next()).value).toBe('ready')
      for (const { child } of racers) child.stdin.write('go\n')
      const won = await Promise.all(
        racers.map(async ({ lines }) => JSON.parse(String((await lines.next()).value)) as [string, number][]),
      )
      const all = won.flat()
      expect(all).toHaveLength(KEYS)
      expect(new Set(all.map(([key]) => key)).size).toBe(KEYS)
    } finally {
      for (const { child } of racers) child.kill('SIGKILL')
    }
  })
})
