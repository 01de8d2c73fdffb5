import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ratioGoal } from '../harness/goals.mjs'
import { startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { createSources, SIZES, sourceFolder } from './sources.mjs'
import { BUFFER_SUBJECTS, SUBJECTS } from './subjects.mjs'

const WORKER = join(import.meta.dirname, 'worker.mjs')
const BUFFER_SIZES = ['1 KiB', '64 KiB']

/** Puts and gets of bodies by one and by sixteen callers; every subject in a process of its own. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const rows = []
  for (const [size, plan] of Object.entries(SIZES)) {
    const callers = size === '100 MiB' ? [1] : [1, 16]
    const names = ['put', 'get'].flatMap((act) => callers.map((concurrency) => ({ act, concurrency })))
    const chosen = names.filter(({ act, concurrency }) => isChosen(idOf(act, size, concurrency)))
    if (chosen.length === 0) continue
    const folder = sourceFolder()
    const sources = createSources(join(folder, 'bodies'), {
      ...plan,
      // Not fewer than four: one to warm up, and one for each window.
      count: quick ? Math.max(4, Math.ceil(plan.count / 2)) : plan.count,
    })
    try {
      for (const { act, concurrency } of chosen)
        rows.push(...(await measureAct({ act, size, concurrency, sources, quick, rounds, print, say })))
    } finally {
      removeFolder(folder)
    }
  }
  addDigestLimit(rows)
  return { rows, goals: goalsOf(rows) }
}

const idOf = (act, size, concurrency) => `${act} ${size}, c=${concurrency}`

async function measureAct({ act, size, concurrency, sources, quick, rounds, print, say }) {
  const folder = temporaryFolder('cas')
  const isLarge = size === '100 MiB'
  const ms = quick ? 150 : 400
  const all = { ...SUBJECTS, ...(BUFFER_SIZES.includes(size) ? BUFFER_SUBJECTS : {}) }
  const subjects = Object.entries(all).map(([name, { kind }]) => {
    let worker
    const ask = (message) => worker.ask({ sources, concurrency, ms, ...message })
    const putting = {
      async beforeTurn() {
        await ask({ act: 'open' })
        await ask({ act: 'warmUp' })
      },
      // A third of the bodies each, so that all three windows have some.
      window: () => ask({ act: 'put', maxCount: Math.max(1, Math.floor((sources.length * 3) / 4 / 3)) }),
      afterTurn: () => ask({ act: 'close' }),
    }
    const getting = {
      window: () => ask({ act: 'get' }),
    }
    return {
      name,
      kind,
      async start() {
        worker = await startModule(WORKER, [name, folder])
        if (act === 'get') {
          await ask({ act: 'open' })
          await ask({ act: 'fill', count: isLarge ? 2 : 200 })
        }
      },
      ...(act === 'put' ? putting : getting),
      async stop() {
        if (worker === undefined) return
        await ask({ act: 'close' }).catch(() => {})
        await worker.stop()
      },
    }
  })
  try {
    const bytesPerOperation = SIZES[size].sizeBytes
    const id = idOf(act, size, concurrency)
    const cell = { id, subjects, ...(bytesPerOperation >= 2 ** 20 ? { bytesPerOperation } : {}) }
    const measured = await measureCell(cell, { rounds, windows: isLarge ? 2 : 3, say })
    printCell(cell, measured, print)
    return measured
  } finally {
    removeFolder(folder)
  }
}

/** SHA-256 of 100 MiB in memory, beside the verified read of as much: the limit of every verified read. */
function addDigestLimit(rows) {
  if (!rows.some(({ cell }) => cell === DIGEST_CELL)) return
  const bytes = randomBytes(2 ** 20)
  const turns = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    const startedMs = performance.now()
    const hash = createHash('sha256')
    for (let count = 0; count < 100; count++) hash.update(bytes)
    hash.digest()
    const cpu = process.cpuUsage(before)
    return { cost: (performance.now() - startedMs) / 1_000, cpuUs: cpu.user + cpu.system }
  })
  const costs = turns.map(({ cost }) => cost)
  const row = {
    cell: DIGEST_CELL,
    subject: 'SHA-256 in memory',
    kind: 'limit',
    cost: Math.min(...costs),
    highestCost: Math.max(...costs),
    figures: {},
    costs,
    turns,
  }
  rows.push(row)
}

const DIGEST_CELL = idOf('get', '100 MiB', 1)
const DURABLE = 'store alone, durable'
const NO_SYNC = 'store alone, no sync'
const WHOLE = 'put/open, durable'
const CACACHE = 'cacache put.stream/get.stream (sha256, no sync)'
const COPY = 'copyFile / read stream (no hash, no sync)'

function goalsOf(rows) {
  const measured = new Set(rows.map(({ cell }) => cell))
  const targets = []
  const add = (cell, ours, peer, atLeast) => targets.push({ cell, ours, peer, atLeast })
  for (const [size, noSync, durable, get] of [
    ['1 KiB', 3, 1.5, 4],
    ['64 KiB', 3, 2, 3],
    ['1 MiB', 2, 1.2, 2],
  ]) {
    for (const concurrency of [1, 16]) {
      add(idOf('put', size, concurrency), NO_SYNC, CACACHE, noSync)
      add(idOf('get', size, concurrency), DURABLE, CACACHE, get)
    }
    add(idOf('put', size, 16), DURABLE, CACACHE, durable)
    add(idOf('put', size, 16), DURABLE, NO_SYNC, 0.6)
    add(idOf('put', size, 16), WHOLE, DURABLE, 0.6)
  }
  add(idOf('put', '100 MiB', 1), NO_SYNC, CACACHE, 1.5)
  add(idOf('put', '100 MiB', 1), DURABLE, CACACHE, 1)
  add(idOf('put', '100 MiB', 1), NO_SYNC, COPY, 0.35)
  add(idOf('get', '100 MiB', 1), DURABLE, CACACHE, 3)
  add(idOf('get', '100 MiB', 1), DURABLE, 'SHA-256 in memory', 0.65)
  return targets
    .filter(({ cell }) => measured.has(cell))
    .map(({ cell, ours, peer, atLeast }) =>
      ratioGoal({
        id: `${cell}: ${ours} / ${peer}`,
        what: `${cell}: ${ours}, against ${peer}`,
        atLeast,
        rows,
        cell,
        ours,
        peer,
      }),
    )
}
