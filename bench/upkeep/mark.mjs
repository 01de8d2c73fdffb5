import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { answerParent } from '../harness/worker.mjs'

const [file] = process.argv.slice(2)
const catalog = sqliteCatalog({ file })
await catalog.open()

/** A look at every blob: what a thorough collection does before it deletes. */
answerParent(async () => {
  const startedMs = performance.now()
  const before = process.memoryUsage.rss()
  let highest = before
  let checked = 0
  let cursor
  do {
    const page = await catalog.recheckBlobs({ limit: 5_000, ...(cursor === undefined ? {} : { cursor }) })
    checked += page.checked
    cursor = page.cursor
    highest = Math.max(highest, process.memoryUsage.rss())
  } while (cursor !== undefined)
  await catalog.planGarbage({ graceMs: 0 })
  return { checked, seconds: (performance.now() - startedMs) / 1_000, grownBytes: highest - before }
})
