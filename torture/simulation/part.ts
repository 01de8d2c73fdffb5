import { inspect } from 'node:util'
import type { Part, Violation } from '../harness/part.ts'
import { takeImage } from './image.ts'
import { planOf } from './plan.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

const MAX_SHRINK_TRIES = 300

/** The real store on disks that forget, with hosts that die and sleep, in an order that the seed chooses. */
export const simulation: Part = {
  name: 'simulation',
  about: 'hosts that die, sleep and lose power, over disks that forget what was not synced',
  unit: 'seeds',
  fullCount: 100_000,
  spread: { units: 50, seeds: 50 },
  async run({ count, seed: first, signal, progress, note }) {
    const image = await takeImage()
    const violations: Violation[] = []
    const total = { operations: 0, crashes: 0, overlaps: 0 }
    let done = 0
    const lost: unknown[] = []
    const onLost = (error: unknown): void => void lost.push(error)
    process.on('unhandledRejection', onLost)
    try {
      for (let seed = first; seed < first + count && !signal.aborted; seed++) {
        const plan = planOf(seed)
        const outcome = await simulate(plan, { image, ...(count === 1 ? { log: note } : {}) })
        const [error] = lost.splice(0)
        const what =
          outcome.violation ?? (error === undefined ? undefined : `a failure went unheard: ${inspect(error)}`)
        if (what !== undefined) {
          violations.push({ what: `seed ${seed}: ${what}`, replay: `--seed ${seed} --count 1` })
          if (count === 1) {
            const fails = async (fewer: typeof plan): Promise<boolean> =>
              (await simulate(fewer, { image })).violation !== undefined
            const least = await shrink(plan, fails, MAX_SHRINK_TRIES)
            note(`--- the same with ${least.operations.length} of ${plan.operations.length} operations:`)
            await simulate(least, { image, log: note })
          }
        }
        total.operations += outcome.operations
        total.crashes += outcome.crashes
        total.overlaps += outcome.overlaps
        progress(++done)
      }
    } finally {
      process.off('unhandledRejection', onLost)
    }
    const { overlaps, ...figures } = total
    return { done, violations, figures: { ...figures, 'puts beside a collection': overlaps } }
  },
}
