import { join } from 'node:path'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { encodeCursor } from '@mediakeep/core'
import { median, percentile } from '../harness/statistics.mjs'
import { answerParent, repeat } from '../harness/worker.mjs'
import { commitPut, NAMESPACE, putInput, registerVolume } from './seed.mjs'

const setup = JSON.parse(process.argv[2])

/** Opens a seeded catalog and answers how long pages of it take. */
async function startReads({ file, lists, maxMemoRecords }) {
  const catalog = sqliteCatalog({ file, lists, ...(maxMemoRecords === undefined ? {} : { maxMemoRecords }) })
  await catalog.open()
  const ids = (await catalog.list(NAMESPACE, { limit: 100 })).records.map(({ id }) => id)
  return async ({ query, limit, end, count, ms }) => {
    const asked = { ...query, limit }
    if (end === 'last') {
      const cursor = await lastCursor(catalog, query, limit)
      if (cursor !== undefined) asked.cursor = cursor
    }
    const times = []
    const startedMs = performance.now()
    const cpuBefore = process.cpuUsage()
    let items = 0
    // Enough for a percentile, and on a busy machine no more than that.
    for (let index = 0; index < count && (index < count / 4 || performance.now() - startedMs < ms); index++) {
      const fromMs = performance.now()
      if (query === undefined) await catalog.get(NAMESPACE, ids[index % ids.length])
      else items = (await catalog.list(NAMESPACE, asked)).records.length
      times.push(performance.now() - fromMs)
    }
    const cpu = process.cpuUsage(cpuBefore)
    return {
      cost: (performance.now() - startedMs) / 1_000 / times.length,
      cpuUs: (cpu.user + cpu.system) / times.length,
      p50Ms: median(times),
      p99Ms: percentile(times, 0.99),
      items,
    }
  }
}

const cursors = new Map()

/** Where the last `limit` records of a query begin: those with the smallest ids. */
async function lastCursor(catalog, query, limit) {
  const name = JSON.stringify([query, limit])
  if (!cursors.has(name)) cursors.set(name, await findLastCursor(catalog, query, limit))
  return cursors.get(name)
}

async function findLastCursor(catalog, query, limit) {
  // The oldest ones only, in growing steps: walking a million records from the newest would take minutes.
  const oldest = await oldestMs(catalog)
  for (let spanMs = 64; spanMs < 2 ** 41; spanMs *= 2) {
    const found = []
    let cursor
    do {
      const page = await catalog.list(NAMESPACE, {
        ...query,
        limit: 100,
        createdBefore: new Date(oldest + spanMs),
        ...(cursor && { cursor }),
      })
      found.push(...page.records.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    if (found.length > limit) return encodeCursor(NAMESPACE, query, found.at(-limit - 1))
    if (Date.now() < oldest + spanMs) return undefined
  }
  return undefined
}

async function oldestMs(catalog) {
  let low = 0
  let high = Date.now()
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const { records } = await catalog.list(NAMESPACE, { limit: 1, createdBefore: new Date(middle) })
    if (records.length === 0) low = middle
    else high = middle
  }
  return low
}

/** Opens an empty catalog and answers how many puts a second it commits. */
async function startCommits({ folder, groupCommit }) {
  const catalog = sqliteCatalog({
    file: join(folder, `commits-${groupCommit}-${process.pid}.sqlite`),
    groupCommit,
  })
  await catalog.open()
  await registerVolume(catalog)
  let next = 0
  return async ({ concurrency, ms }) => {
    const done = await repeat((index) => commitPut(catalog, putInput(index, Date.now())), {
      concurrency,
      ms,
      from: next,
    })
    next = done.next
    return { cost: done.cost, cpuUs: done.cpuUs }
  }
}

/** One durable row a commit, nothing else: what the disk alone allows. */
async function startSyncs({ folder }) {
  const { open } = await import('node:fs/promises')
  const file = await open(join(folder, `syncs-${process.pid}`), 'w')
  const bytes = Buffer.alloc(4096, 7)
  let at = 0
  return ({ ms }) =>
    repeat(
      async () => {
        await file.write(bytes, 0, bytes.length, at)
        at += bytes.length
        await file.datasync()
      },
      { ms },
    ).then(({ cost, cpuUs }) => ({ cost, cpuUs }))
}

const START = { reads: startReads, commits: startCommits, syncs: startSyncs }
answerParent(await START[setup.role](setup))
