import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { goal, ratioGoal } from '../harness/goals.mjs'
import { startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell, ratioOf, rowNamed } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { QUERIES, seededFile } from './seed.mjs'

const WORKER = join(import.meta.dirname, 'worker.mjs')
const start = (setup, env) => startModule(WORKER, [JSON.stringify(setup)], { env })

/** Lists and point reads at two sizes, then commits of puts with and without grouping. */
export async function run(context) {
  const reads = await measureReads(context)
  const commits = await measureCommits(context)
  return { rows: [...reads.rows, ...commits.rows], goals: [...reads.goals, ...commits.goals] }
}

const PLACES = [
  { place: 'in a thread', setup: { lists: 'thread' } },
  { place: 'in process', setup: { lists: 'process' } },
  // As after every commit: no record of the page is remembered.
  { place: 'in process, none remembered', setup: { lists: 'process', maxMemoRecords: 0 } },
]
const PAGES = [
  ...Object.keys(QUERIES).flatMap((name) =>
    name === 'owner with one record'
      ? [{ name, limit: 50, end: 'first' }]
      : ['first', 'last'].map((end) => ({ name, limit: 50, end })),
  ),
  // At 10^4 only ten records have the rare tag, or an owner and the common one: equal pages can be compared over
  // sizes only when they are of ten.
  { name: 'by rare tag (1 in 1000)', limit: 10, end: 'first' },
  { name: 'by owner and common tag', limit: 10, end: 'first' },
]

async function measureReads({ quick, rounds, isChosen, print, say }) {
  const small = 10_000
  const large = quick ? 100_000 : 1_000_000
  const sizes = [small, large]
  const cells = [
    ...PAGES.map(({ name, limit, end }) => ({
      id: `page of ${limit}, ${name}, ${end}`,
      ask: { query: QUERIES[name], limit, end },
    })),
    { id: 'get by id', ask: {} },
  ].filter(({ id }) => isChosen(id))
  if (cells.length === 0) return { rows: [], goals: [] }
  const workers = []
  const rows = []
  try {
    for (const size of sizes) {
      const file = await seededFile(size, say)
      for (const { place, setup } of PLACES)
        workers.push({ name: nameOf(size, place), worker: await start({ role: 'reads', file, ...setup }) })
    }
    for (const { id, ask } of cells) {
      const subjects = workers.map(({ name, worker }) => ({
        name,
        kind: 'ours',
        window: ({ isWarmUp }) =>
          worker.ask({ ...ask, count: quick || isWarmUp ? 400 : 2_000, ms: quick || isWarmUp ? 100 : 500 }),
      }))
      const cell = { id, subjects }
      const measured = await measureCell(cell, { rounds, windows: 1, say })
      printCell(cell, measured, print)
      rows.push(...measured)
    }
  } finally {
    for (const { worker } of workers) await worker.stop()
  }
  return { rows, goals: cells.flatMap(({ id }) => pageGoals(rows, id, small, large)) }
}

const nameOf = (size, place) => `10^${Math.log10(size)} records, lists ${place}`

function pageGoals(rows, id, small, large) {
  if (id === 'get by id') return []
  return PLACES.flatMap(({ place }) => {
    const row = rowNamed(rows, id, nameOf(large, place))
    const base = rowNamed(rows, id, nameOf(small, place))
    // The lowest of the rounds, as every figure here.
    const p99Ms = row?.turns === undefined ? Number.NaN : Math.min(...row.turns.map((turn) => turn.p99Ms))
    const goals = []
    if (!id.startsWith('page of 10,'))
      goals.push(
        goal({
          id: `p99 ${id}, ${place}`,
          what: `p99 ${id}, ${place}, 10^${Math.log10(large)} records`,
          atMost: 1,
          measured: p99Ms,
          unit: ' ms',
        }),
      )
    if (row?.figures?.items === base?.figures?.items)
      goals.push(
        goal({
          id: `growth ${id}, ${place}`,
          what: `p99 ${id}, ${place}, against the small catalog`,
          atMost: 3,
          measured: ratioOf(row, base, (turn) => turn.p99Ms),
          unit: 'x',
        }),
      )
    return goals
  })
}

async function measureCommits({ quick, rounds, isChosen, print, say }) {
  const folder = temporaryFolder('catalog')
  const rows = []
  const goals = []
  try {
    const disks = [{ name: 'this disk', env: {} }]
    const library = buildSlowSync(folder)
    if (library === undefined) say('no C compiler: commits with slower syncs are left out')
    else disks.push({ name: '+1 ms per sync, injected', env: { LD_PRELOAD: library, SLOW_SYNC_US: '1000' } })
    for (const disk of disks) {
      const measured = await measureDisk(disk, folder, { quick, rounds, isChosen, print, say })
      rows.push(...measured)
      goals.push(...commitGoals(measured, disk))
    }
  } finally {
    removeFolder(folder)
  }
  return { rows, goals }
}

async function measureDisk(disk, folder, { quick, rounds, isChosen, print, say }) {
  const rows = []
  const cells = [1, 16, 64].map((concurrency) => ({
    concurrency,
    id: `commits of puts, ${disk.name}, c=${concurrency}`,
  }))
  for (const { concurrency, id } of cells.filter(({ id }) => isChosen(id))) {
    const subject = (name, kind, setup) => {
      let worker
      return {
        name,
        kind,
        start: async () => (worker = await start({ ...setup, folder }, disk.env)),
        window: ({ isWarmUp }) => worker.ask({ concurrency, ms: isWarmUp ? 300 : quick ? 300 : 700 }),
        stop: () => worker?.stop(),
      }
    }
    const cell = {
      id,
      unit: 'puts/s',
      subjects: [
        subject('group commit', 'ours', { role: 'commits', groupCommit: true }),
        subject('a commit each', 'ours', { role: 'commits', groupCommit: false }),
        subject('4 KiB write and sync, one at a time', 'limit', { role: 'syncs' }),
      ],
    }
    const measured = await measureCell(cell, { rounds, windows: 3, say })
    printCell(cell, measured, print)
    rows.push(...measured)
  }
  return rows
}

function commitGoals(rows, disk) {
  return [
    [16, 5],
    [64, 7],
  ].flatMap(([concurrency, atLeast]) => {
    const id = `commits of puts, ${disk.name}, c=${concurrency}`
    if (!rows.some(({ cell }) => cell === id)) return []
    return ratioGoal({
      rows,
      cell: id,
      ours: 'group commit',
      peer: 'a commit each',
      id: `group ${id}`,
      what: `group commit against a commit each, ${disk.name}, c=${concurrency}`,
      atLeast,
      ...(disk.env.LD_PRELOAD === undefined
        ? {}
        : { note: 'a delay in every sync stands for a slower disk' }),
    })
  })
}

/** A library that makes syncs slower; undefined where nothing compiles C. */
function buildSlowSync(folder) {
  if (process.platform !== 'linux') return undefined
  const library = join(folder, 'slow-sync.so')
  const source = join(import.meta.dirname, 'slow-sync.c')
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'])
  return status === 0 ? library : undefined
}
