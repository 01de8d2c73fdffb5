// npm run check: the static gates alone.
import { runGates } from './lib/gates.mjs'
import { main } from './lib/main.mjs'
import { setUp } from './lib/setup.mjs'

await main(async () => {
  await setUp({ declarations: false })
  const failed = await runGates()
  console.log(failed.length === 0 ? '\nall gates passed' : `\nfailed: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
})
