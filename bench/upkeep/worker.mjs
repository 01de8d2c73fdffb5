import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openMediaStore } from 'mediakeep'
import { answerParent, repeat } from '../harness/worker.mjs'

const [subject, folder, bodies, bodyBytes] = process.argv.slice(2)
const store =
  subject === 'raw digest'
    ? undefined
    : await openMediaStore(join(folder, subject), { durability: 'none', upkeep: { intervalMs: 0 } })
const memory = randomBytes(Number(bodyBytes))
const allBytes = Number(bodies) * Number(bodyBytes)
for (let index = 0; store !== undefined && index < Number(bodies); index++)
  await store.put(randomBytes(Number(bodyBytes)))

/** One reading of all bodies. */
async function readAll(options) {
  if (store === undefined) {
    for (let index = 0; index < Number(bodies); index++) createHash('sha256').update(memory).digest()
    return
  }
  let last
  for await (const step of store.upkeep.verify(options)) last = step
  if (last.checkedBytes !== allBytes || last.damagedObjects !== 0) throw new Error(JSON.stringify(last))
}

answerParent(async ({ ms, bytesPerSecond }) => {
  if (bytesPerSecond === undefined)
    return repeat(() => readAll({ mode: subject === 'verify, stored' ? 'stored' : 'content' }), { ms })
  const startedMs = performance.now()
  await readAll({ bytesPerSecond })
  return { bytesPerSecond: allBytes / ((performance.now() - startedMs) / 1_000) }
})
