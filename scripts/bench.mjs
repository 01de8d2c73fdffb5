// npm run bench [name] [-- options]
import { main } from './lib/main.mjs'
import { runNode } from './lib/run.mjs'
import { setUp } from './lib/setup.mjs'

await main(async () => {
  await setUp({ declarations: false })
  return runNode(['bench/run.mjs', ...process.argv.slice(2)], { env: { NODE_ENV: 'production' } })
})
