import { createInterface } from 'node:readline'
import { openRedisStates } from '../index.ts'

/*
 * One of several processes that want the same keys: `race URL KEYS`. Says `ready`, waits for a line, claims, and prints
 * what it won: `[[key, token], ...]`.
 */

const [url = '', count = '0'] = process.argv.slice(2)
const AT_ONCE = 50

async function main(): Promise<void> {
  const states = await openRedisStates({ url, commandTimeoutMs: 30_000 })
  await states.read(['warm'])
  const input = createInterface({ input: process.stdin })
  const told = new Promise((resolve) => input.once('line', resolve))
  process.stdout.write('ready\n')
  await told
  input.close()
  const keys = Array.from({ length: Number(count) }, (_, index) => `race-${index}`)
  const won: [string, number][] = []
  for (let start = 0; start < keys.length; start += AT_ONCE)
    await Promise.all(
      keys.slice(start, start + AT_ONCE).map(async (key) => {
        const lease = await states.claim(key, { ttlMs: 600_000 })
        if (lease !== undefined) won.push([key, lease.fencingToken])
      }),
    )
  await states.close()
  process.stdout.write(`${JSON.stringify(won)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
})
