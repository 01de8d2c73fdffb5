import { join } from 'node:path'
import { ratioGoal } from '../harness/goals.mjs'
import { startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'

const KiB = 1024
/** What each act is held against: the same bytes, moved with nothing around them. */
const CELLS = {
  hit: ['one tier', 'two tiers', 'plain read and digest'],
  promote: ['load', 'plain durable copy'],
  burst: ['put past a full disk', 'put to a disk', 'plain durable copy'],
}
const SIZES = { '64 KiB': 64 * KiB, '4 MiB': 4_096 * KiB }

/**
 * What tiers add to moving bytes. The far tier is a disk too, seen as an object store is: streams only, paid, shared. So the ratios say
 * what our part costs; a network would hide it.
 */
export async function run({ quick, rounds, isChosen, print, say }) {
  const rows = []
  const goals = []
  for (const [act, subjects] of Object.entries(CELLS))
    for (const [size, sizeBytes] of Object.entries(SIZES)) {
      const id = `${act} ${size}`
      if (!isChosen(id)) continue
      const folder = temporaryFolder('tiers')
      const workers = []
      try {
        for (const [index, name] of subjects.entries())
          workers.push(
            await startModule(join(import.meta.dirname, 'worker.mjs'), [
              act,
              name,
              join(folder, String(index)),
              String(sizeBytes),
            ]),
          )
        const maxCount = Math.max(
          4,
          Math.ceil((quick ? 8 : 32) * (1 / Math.max(1, sizeBytes / (1_024 * KiB)))),
        )
        const cell = {
          id,
          title: id,
          bytesPerOperation: sizeBytes,
          subjects: subjects.map((name, index) => ({
            name,
            kind: name.startsWith('plain') ? 'limit' : 'ours',
            window: ({ isWarmUp }) =>
              workers[index].ask({
                ms: isWarmUp ? 100 : quick ? 300 : 1_000,
                maxCount: act === 'hit' ? 1e9 : maxCount,
              }),
          })),
        }
        const measured = await measureCell(cell, { rounds, windows: 3, say })
        printCell(cell, measured, print)
        rows.push(...measured)
        goals.push(...goalsOf(act, id, rows))
      } finally {
        for (const worker of workers) await worker.stop()
        removeFolder(folder)
      }
    }
  return { rows, goals }
}

function goalsOf(act, cell, rows) {
  const about = (id, what, ours, peer, atLeast) =>
    ratioGoal({ id: `${cell}: ${id}`, what: `${cell}: ${what}`, atLeast, rows, cell, ours, peer })
  if (act === 'hit') return [about('two', 'a second tier, against one alone', 'two tiers', 'one tier', 0.9)]
  if (act === 'promote')
    return [about('load', 'a load, against a plain durable copy', 'load', 'plain durable copy', 0.25)]
  return [
    about(
      'burst',
      'a put past a full disk, against one to a disk',
      'put past a full disk',
      'put to a disk',
      0.8,
    ),
    about(
      'copy',
      'a put past a full disk, against a plain durable copy',
      'put past a full disk',
      'plain durable copy',
      0.25,
    ),
  ]
}
