import { join } from 'node:path'
import { bundleSource } from '../../scripts/lib/bundle.mjs'
import { goal, ratioGoal } from '../harness/goals.mjs'
import { startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell, rowNamed, timesAsFast, timesAsThrifty } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { LOADS } from './loads.mjs'

const SUBJECTS = [
  { name: 'form reader', kind: 'ours' },
  { name: 'parser alone', kind: 'ours' },
  { name: 'busboy', kind: 'peer' },
  { name: 'no parsing', kind: 'limit' },
]

/** Whole forms of one file, in chunks of 64 KiB as a socket gives them, parsed and thrown away. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const folder = temporaryFolder('multipart')
  const workers = []
  const rows = []
  try {
    for (const part of ['parser', 'form']) {
      await bundleSource(`packages/express/src/multipart/${part}.ts`, join(folder, `${part}.mjs`))
    }
    for (const { name } of SUBJECTS) {
      workers.push(await startModule(join(import.meta.dirname, 'worker.mjs'), [name, folder]))
    }
    for (const [id, { sizeBytes }] of Object.entries(LOADS)) {
      if (!isChosen(id)) continue
      const subjects = SUBJECTS.map((subject, index) => ({
        ...subject,
        window: ({ isWarmUp }) => workers[index].ask({ load: id, ms: isWarmUp ? 300 : quick ? 150 : 400 }),
      }))
      const cell = { id, title: id, bytesPerOperation: sizeBytes, subjects }
      const measured = await measureCell(cell, { rounds, windows: 3, say })
      printCell(cell, measured, print)
      rows.push(...measured)
    }
  } finally {
    for (const worker of workers) await worker.stop()
    removeFolder(folder)
  }
  return { rows, goals: goalsOf(rows) }
}

function goalsOf(rows) {
  const goals = ['1 MiB random', '100 MiB random'].map((cell) =>
    ratioGoal({
      id: `multipart-${cell.split(' ')[0]}m`,
      what: `form reader against busboy, ${cell}`,
      atLeast: 1.3,
      rows,
      cell,
      ours: 'form reader',
      peer: 'busboy',
    }),
  )
  const near = rowNamed(rows, '1 MiB near-boundary', 'form reader')
  const random = rowNamed(rows, '1 MiB random', 'form reader')
  goals.push(
    goal({
      id: 'multipart-near-boundary',
      what: 'form reader, content full of half boundaries against random content',
      atLeast: 0.7,
      measured: timesAsFast(near, random),
      byCpu: timesAsThrifty(near, random),
      unit: 'x',
    }),
  )
  return goals
}
