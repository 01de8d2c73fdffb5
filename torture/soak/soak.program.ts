import { seededRandom } from '@mediakeep/testkit'
import { openMediaStore } from 'mediakeep'
import { createJournal } from '../writers/journal.ts'
import { runSoakLane } from './soak-lanes.ts'

const LANES = 4

/** Works until it has had so many puts acknowledged, and no less than so long. */
const [folder = '', file = '', name = '', seed = '', puts = '', minMs = ''] = process.argv.slice(2)
const journal = createJournal(file)
const startedMs = performance.now()
let acknowledged = 0
try {
  const store = await openMediaStore(folder, { upkeep: { intervalMs: 0 } })
  journal.opened()
  await Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      runSoakLane({
        store,
        journal,
        name: `${name}-${lane}`,
        random: seededRandom(Number(seed) * LANES + lane),
        onPut: () => {
          acknowledged += 1
        },
        isOver: () => acknowledged >= Number(puts) && performance.now() - startedMs >= Number(minMs),
      }),
    ),
  )
  await store.close()
} catch (error) {
  journal.fault(error instanceof Error ? `${error.stack}` : String(error))
  process.exitCode = 1
}
journal.close()
process.send?.(acknowledged)
process.disconnect?.()
