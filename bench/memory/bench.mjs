import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goal } from '../harness/goals.mjs'
import { LOAD_CORE, memoryMiB, SERVER_CORE, startModule } from '../harness/processes.mjs'
import { number, table } from '../harness/report.mjs'
import { median } from '../harness/statistics.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { DOORS, measureParallel } from './parallel.mjs'

const MiB = 2 ** 20
const SERVER = join(import.meta.dirname, 'server.mjs')
const CLIENT = join(import.meta.dirname, 'client.mjs')

/** What one large body costs a server in memory, and what uploads cost everybody else in waiting. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const root = temporaryFolder('memory')
  const client = await startModule(CLIENT, [], { core: LOAD_CORE })
  const rows = []
  const goals = []
  try {
    if (isChosen('large body')) {
      const large = await measureLargeBody({ root, client, quick, print, say })
      rows.push(...large.rows)
      goals.push(...large.goals)
    }
    for (const door of DOORS) {
      const id = `many at once, ${door}`
      if (!isChosen(id)) continue
      const parallel = await measureParallel({ id, door, root, quick, startServer, print })
      rows.push(...parallel.rows)
      goals.push(...parallel.goals)
    }
    for (const [id, load] of Object.entries(loopLoads(quick))) {
      if (!isChosen(id)) continue
      const loop = await measureLoop({ id, load, root, client, rounds, print })
      rows.push(...loop.rows)
      goals.push(...loop.goals)
    }
  } finally {
    await client.stop()
    removeFolder(root)
  }
  return { rows, goals }
}

async function startServer(kind, root, pinning = { core: SERVER_CORE }) {
  const state = join(root, kind.replaceAll(' ', '-'))
  mkdirSync(state, { recursive: true })
  const setup = `${state}.json`
  writeFileSync(setup, JSON.stringify({ kind, state }))
  const server = await startModule(SERVER, [setup], pinning)
  return {
    ...server,
    ...server.hello,
    async stop() {
      await server.ask({ act: 'close' }).catch(() => {})
      await server.stop()
      removeFolder(state)
    },
  }
}

/** VmHWM after a body in and out, minus its value after three uploads that warmed the process up. */
async function measureLargeBody({ root, client, quick, print, say }) {
  const wanted = (quick ? 512 : 5 * 1024) * MiB
  const { bavail, bsize } = statfsSync(root)
  const sizeBytes = Math.min(wanted, Math.floor((bavail * bsize) / 3 / MiB) * MiB)
  if (sizeBytes < wanted) say(`the disk has room for a body of ${sizeBytes / MiB} MiB only`)
  const rows = []
  for (const kind of ['ours', 'bare pipeline']) {
    const server = await startServer(kind, root)
    try {
      const { port, path } = server
      await client.ask({ act: 'upload', port, path, sizeBytes: 64 * MiB, count: 3 })
      const before = memoryMiB(server.pid)?.highest ?? Number.NaN
      const { seconds, last } = await client.ask({ act: 'upload', port, path, sizeBytes })
      const afterIn = memoryMiB(server.pid)?.highest ?? Number.NaN
      const row = {
        cell: 'large body',
        subject: kind,
        kind: kind === 'ours' ? 'ours' : 'limit',
        sizeMiB: sizeBytes / MiB,
      }
      const figures = { inMiBs: sizeBytes / MiB / seconds, growthInMiB: afterIn - before }
      if (kind === 'ours') {
        const out = await client.ask({ act: 'download', port, path: `${path}/${last.id}/content` })
        if (out.bytes !== sizeBytes) throw new Error(`${out.bytes} bytes came out of ${sizeBytes}`)
        figures.outMiBs = sizeBytes / MiB / out.seconds
        figures.growthMiB = (memoryMiB(server.pid)?.highest ?? Number.NaN) - before
        figures.highestMiB = before + figures.growthMiB
      }
      rows.push({ ...row, figures })
    } finally {
      await server.stop()
    }
  }
  print('')
  const size = `${number(sizeBytes / MiB / 1024)} GiB body in and out`
  for (const line of table(
    [size, 'in MiB/s', 'out MiB/s', 'VmHWM grew MiB', 'VmHWM MiB'],
    rows.map(({ subject, figures: f }) => [
      subject,
      number(f.inMiBs),
      number(f.outMiBs),
      number(f.growthMiB ?? f.growthInMiB),
      number(f.highestMiB),
    ]),
  ))
    print(line)
  return {
    rows,
    goals: [
      goal({
        id: 'large-body-memory',
        what: `VmHWM of the server grows by, ${size}`,
        atMost: 64,
        measured: rows[0]?.figures.growthMiB,
        unit: ' MiB',
      }),
    ],
  }
}

/**
 * On one core a server's own threads (SQLite, file system, hashing) would stop its event loop, and what is measured
 * would be the scheduler.
 */
const NOT_PINNED = {}

const loopLoads = (quick) => ({
  'four parallel 100 MiB uploads': { act: 'upload', sizeBytes: 100 * MiB, parallel: 4, count: quick ? 1 : 2 },
  '500 small puts a second': { act: 'paced', sizeBytes: 4_096, perSecond: 500, seconds: quick ? 2 : 5 },
})

/** Delay of the server's event loop under a load, ours and the bare pipeline by turns. */
async function measureLoop({ id, load, root, client, rounds, print }) {
  const kinds = ['ours', 'bare pipeline']
  const servers = []
  const turns = kinds.map(() => [])
  try {
    for (const kind of kinds) servers.push(await startServer(kind, root, NOT_PINNED))
    for (let round = -1; round < rounds; round++) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0]
      for (const index of order) {
        const server = servers[index]
        await server.ask({ act: 'watch' })
        const done = await client.ask({ ...load, port: server.port, path: server.path })
        const seen = await server.ask({ act: 'seen' })
        await server.ask({ act: 'empty' })
        if (round >= 0)
          turns[index].push({
            ...seen,
            ...(done.perSecond === undefined
              ? { MiBs: (load.sizeBytes * load.parallel * load.count) / MiB / done.seconds }
              : { perSecond: done.perSecond }),
          })
      }
    }
  } finally {
    for (const server of servers) await server.stop()
  }
  const rows = kinds.map((subject, index) => {
    const of = (name) => turns[index].map((turn) => turn[name])
    const figures = {
      p99Ms: Math.min(...of('p99Ms')),
      highestP99Ms: Math.max(...of('p99Ms')),
      p50Ms: median(of('p50Ms')),
      maxMs: median(of('maxMs')),
    }
    const speed =
      turns[index][0]?.MiBs === undefined
        ? { perSecond: median(of('perSecond')) }
        : { MiBs: median(of('MiBs')) }
    return {
      cell: id,
      subject,
      kind: index === 0 ? 'ours' : 'limit',
      figures: { ...figures, ...speed },
      turns: turns[index],
    }
  })
  print('')
  for (const line of table(
    [
      `event-loop delay, ${id}`,
      'p50 ms',
      'p99 ms',
      'spread',
      'max ms',
      rows[0].figures.MiBs === undefined ? 'puts/s' : 'MiB/s',
    ],
    rows.map(({ subject, figures: f }) => [
      subject,
      number(f.p50Ms),
      number(f.p99Ms),
      `${number(f.p99Ms)}-${number(f.highestP99Ms)}`,
      number(f.maxMs),
      number(f.MiBs ?? f.perSecond),
    ]),
  ))
    print(line)
  const [ours, bare] = rows
  return {
    rows,
    goals: [
      goal({
        id: `loop-delay ${id}`,
        what: `p99 event-loop delay, ${id}, at most max(5 ms, 2x bare)`,
        atMost: Math.max(5, 2 * bare.figures.p99Ms),
        measured: ours.figures.p99Ms,
        unit: ' ms',
      }),
    ],
  }
}
