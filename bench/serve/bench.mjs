import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { ratioGoal } from '../harness/goals.mjs'
import { cpuSeconds, memoryMiB, SERVER_CORE, startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { createFiles, LOADS, writeList } from './corpus.mjs'
import { hasWrk, load } from './load.mjs'
import { startNginx } from './nginx.mjs'

const SERVER = join(import.meta.dirname, 'server.mjs')
const SUBJECTS = [
  { name: 'ours', kind: 'ours' },
  { name: 'ours in Express 5', kind: 'ours' },
  { name: 'sirv', kind: 'peer' },
  { name: 'express.static', kind: 'peer' },
  { name: 'node:http, file', kind: 'peer' },
  { name: 'nginx', kind: 'peer' },
  { name: 'node:http, memory', kind: 'limit' },
]

/** GET of bodies by id, every request authorised and looked up, against servers of plain files. */
export async function run({ quick, rounds, isChosen, print, say }) {
  if (!hasWrk)
    say('wrk is not installed: a generator in Node loads instead, and is the limit on small bodies')
  const rows = []
  for (const [id, plan] of Object.entries(LOADS)) {
    if (isChosen(id)) rows.push(...(await measureLoad(id, plan, { quick, rounds, print, say })))
  }
  return { rows, goals: goalsOf(rows) }
}

async function measureLoad(id, plan, { quick, rounds, print, say }) {
  const root = temporaryFolder('serve')
  try {
    const folder = join(root, 'files')
    const files = createFiles(folder, plan)
    const subjects = SUBJECTS.map((subject, index) =>
      serverSubject(subject, { root, folder, files, plan, seconds: 1, state: join(root, `state-${index}`) }),
    )
    const { sizeBytes, rangeBytes } = plan
    const cell = {
      id,
      subjects,
      ...(rangeBytes === undefined && sizeBytes >= 2 ** 20 ? { bytesPerOperation: sizeBytes } : {}),
    }
    const measured = await measureCell(cell, { rounds, windows: quick ? 1 : 3, say })
    printCell(cell, measured, print)
    return measured
  } finally {
    removeFolder(root)
  }
}

/** All servers of a cell run; only the one whose turn it is has work. */
function serverSubject({ name, kind }, { root, folder, files, plan, seconds, state }) {
  let server
  const list = join(root, `paths-${name.replaceAll(/\W+/g, '-')}`)
  return {
    name,
    kind,
    async start() {
      server =
        name === 'nginx'
          ? await startNginx(state, folder, files)
          : await startNode(name, { folder, files, state })
      await checkAnswers(server, files, plan)
      writeList(list, server.paths)
    },
    async beforeTurn() {
      if (plan.warmUpSeconds === undefined) return
      await load({ ...plan, port: server.port, list, seconds: plan.warmUpSeconds })
    },
    async window() {
      const cpuBefore = cpuSeconds(server.pid)
      const done = await load({
        ...plan,
        port: server.port,
        list,
        seconds,
      })
      const cpu = cpuSeconds(server.pid) - cpuBefore
      if (done.errors > 0) throw new Error(`${done.errors} of ${done.requests} requests failed`)
      // Bodies that were under way at the end count as the part that came.
      const bodyBytes = plan.rangeBytes ?? plan.sizeBytes
      const operations = bodyBytes >= 2 ** 20 ? done.bytes / bodyBytes : done.requests
      return {
        cost: done.seconds / operations,
        cpuUs: (cpu / operations) * 1e6,
        p50Ms: done.p50Ms,
        p99Ms: done.p99Ms,
        residentMiB: memoryMiB(server.pid)?.resident ?? Number.NaN,
      }
    },
    stop: () => server?.stop(),
  }
}

async function startNode(kind, { folder, files, state }) {
  // By a file: a thousand names are too long for a command line.
  const setup = `${state}.json`
  writeFileSync(setup, JSON.stringify({ kind, folder, state, files }))
  const { hello, pid, ask, stop } = await startModule(SERVER, [setup], {
    core: SERVER_CORE,
  })
  return {
    ...hello,
    pid,
    async stop() {
      await ask({ act: 'close' }).catch(() => {})
      await stop()
    },
  }
}

/** A fast server of wrong bytes proves nothing: the first body whole, and a range of it. */
async function checkAnswers({ port, paths }, [file], { sizeBytes }) {
  const whole = createHash('sha256')
  const status = await fetchBody(port, paths[0], {}, (chunk) => whole.update(chunk))
  if (status !== 200 || whole.digest('hex') !== file.sha256) throw new Error(`wrong bytes, status ${status}`)
  const start = Math.floor(sizeBytes / 3)
  let bytes = 0
  const partStatus = await fetchBody(
    port,
    paths[0],
    { Range: `bytes=${start}-${start + 4_095}` },
    (chunk) => (bytes += chunk.length),
  )
  if (partStatus !== 206 || bytes !== 4_096)
    throw new Error(`wrong range: ${bytes} bytes, status ${partStatus}`)
}

function fetchBody(port, path, headers, onChunk) {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      response.on('data', onChunk)
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode))
    }).on('error', reject)
  })
}

function goalsOf(rows) {
  const cells = new Set(rows.map(({ cell }) => cell))
  const ratios = [
    ['10 KiB', 'ours', 'sirv', 1.6],
    ['4 KiB ranges of 1 GiB', 'ours', 'sirv', 1.4],
    ['1 MiB', 'ours', 'sirv', 1.5],
    ['100 MiB', 'ours', 'sirv', 1.1],
    ['10 KiB', 'ours in Express 5', 'express.static', 1.5],
    ['10 KiB', 'ours', 'node:http, memory', 0.66, 'stretch'],
    ['1 MiB', 'ours', 'nginx', 1, 'stretch'],
  ]
  return ratios
    .filter(([cell]) => cells.has(cell))
    .map(([cell, ours, peer, atLeast, note]) =>
      ratioGoal({
        id: `${cell}: ${ours} / ${peer}`,
        what: `${cell}: ${ours}, against ${peer}`,
        atLeast,
        rows,
        cell,
        ours,
        peer,
        ...(note && { note }),
      }),
    )
}
