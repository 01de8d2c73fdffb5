import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededFile } from '../catalog/seed.mjs'
import { goal, ratioGoal } from '../harness/goals.mjs'
import { startModule } from '../harness/processes.mjs'
import { number, printCell, table } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'

const MiB = 2 ** 20
const SUBJECTS = [
  { name: 'verify, content', kind: 'ours' },
  { name: 'verify, stored', kind: 'ours' },
  { name: 'raw digest', kind: 'limit' },
]
const SCRUBS = {
  'scrub of 100 MiB bodies': { bodies: 4, bodyBytes: 100 * MiB },
  'scrub of 64 KiB bodies': { bodies: 1_000, bodyBytes: 65_536 },
}

/** What upkeep costs: reading every copy, and looking at every blob. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const folder = temporaryFolder('upkeep')
  const rows = []
  const goals = []
  try {
    for (const [id, load] of Object.entries(SCRUBS))
      if (isChosen(id))
        await scrub({
          id,
          load,
          folder: join(folder, id.replaceAll(' ', '-')),
          quick,
          rounds,
          rows,
          goals,
          print,
          say,
        })
    const count = quick ? 100_000 : 1_000_000
    const id = `mark of ${count.toLocaleString('en-US')} blobs`
    if (isChosen(id)) await mark({ id, count, folder, rounds, rows, goals, print, say })
  } finally {
    removeFolder(folder)
  }
  return { rows, goals }
}

async function scrub({ id, load: { bodies, bodyBytes }, folder, quick, rounds, rows, goals, print, say }) {
  const workers = []
  try {
    for (const { name } of SUBJECTS)
      workers.push(
        await startModule(
          join(import.meta.dirname, 'worker.mjs'),
          [name, folder, bodies, bodyBytes].map(String),
        ),
      )
    const subjects = SUBJECTS.map((subject, index) => ({
      ...subject,
      window: ({ isWarmUp }) => workers[index].ask({ ms: isWarmUp ? 100 : quick ? 300 : 1_000 }),
    }))
    const cell = { id, title: id, bytesPerOperation: bodies * bodyBytes, subjects }
    const measured = await measureCell(cell, { rounds, windows: 3, say })
    printCell(cell, measured, print)
    rows.push(...measured)
    if (bodyBytes < MiB) return
    goals.push(
      ratioGoal({
        id: 'upkeep-scrub',
        what: 'verify by content, against the raw digest of bytes in memory, 100 MiB bodies',
        atLeast: 0.65,
        rows,
        cell: id,
        ours: 'verify, content',
        peer: 'raw digest',
      }),
    )
    const wanted = 100 * MiB
    const { bytesPerSecond } = await workers[0].ask({ bytesPerSecond: wanted })
    print(`asked for ${wanted / MiB} MiB/s, read at ${(bytesPerSecond / MiB).toFixed(1)} MiB/s`)
    goals.push(
      goal({
        id: 'upkeep-budget',
        what: 'verify at 100 MiB/s: error of the rate',
        atMost: 10,
        measured: Math.abs(bytesPerSecond / wanted - 1) * 100,
        unit: '%',
      }),
    )
  } finally {
    for (const worker of workers) await worker.stop()
  }
}

async function mark({ id, count, folder, rounds, rows, goals, print, say }) {
  const file = join(folder, 'catalog.sqlite')
  copyFileSync(await seededFile(count, say), file)
  const worker = await startModule(join(import.meta.dirname, 'mark.mjs'), [file])
  try {
    const turns = []
    for (let round = 0; round < rounds; round++) turns.push(await worker.ask({}))
    const best = turns.reduce((a, b) => (a.seconds <= b.seconds ? a : b))
    print('')
    const lines = table(
      [id, 'seconds', 'blobs/s', 'RSS grew MiB'],
      turns.map((turn, round) => [
        `round ${round + 1}`,
        turn.seconds.toFixed(2),
        number(turn.checked / turn.seconds),
        (turn.grownBytes / MiB).toFixed(1),
      ]),
    )
    for (const line of lines) print(line)
    rows.push({ cell: id, subject: 'recheckBlobs', kind: 'ours', turns })
    goals.push(
      goal({ id: 'upkeep-mark', what: id, atMost: 10, measured: best.seconds, unit: 's' }),
      goal({
        id: 'upkeep-mark-memory',
        what: `${id}: growth of memory`,
        atMost: 64,
        measured: Math.max(...turns.map(({ grownBytes }) => grownBytes)) / MiB,
        unit: ' MiB',
      }),
    )
  } finally {
    await worker.stop()
  }
}
