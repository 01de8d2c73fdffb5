import type { Part, PartInput, PartResult, Violation } from '../harness/part.ts'
import { convict } from './convict.ts'
import { MUTATIONS } from './mutations.ts'

/** Runs of one mutation: what one lucky seed shows says little. */
const RUNS = 3

/** Takes one line of defence out of the source at a time: the part that guards it must notice. */
export const mutations: Part = {
  name: 'mutations',
  about: 'takes each sync, rename, lease check and second look out of the source; a part must notice',
  unit: 'mutations',
  fullCount: MUTATIONS.length,
  spread: { units: 1, seeds: 1 },
  run: (input) => mutate(input),
}

async function mutate({ count, seed, signal, progress, note }: PartInput): Promise<PartResult> {
  const violations: Violation[] = []
  let done = 0
  for (let at = 0; at < Math.min(count, MUTATIONS.length) && !signal.aborted; at++) {
    const mutation = MUTATIONS[(seed + at) % MUTATIONS.length]
    if (mutation === undefined) break
    // What takes one unit at most has no seed to be lucky with.
    const isSeeded = 'part' in mutation.by && mutation.by.maxCount > 1
    const { counts, median } = await convict(mutation, { seed, runs: isSeeded ? RUNS : 1, signal })
    done++
    progress(done)
    const by = 'tests' in mutation.by ? mutation.by.tests : mutation.by.part
    note(
      `${mutation.id}: ${median === undefined ? `NOT CONVICTED by ${by}` : `convicted by ${by} after ${median}`} (${counts.map((one) => one ?? 'not seen').join(', ')})`,
    )
    if (median === undefined)
      violations.push({
        what: `${mutation.id}: nothing noticed that this was gone: ${mutation.about}`,
        replay: `--seed ${(seed + at) % MUTATIONS.length} --count 1`,
      })
  }
  return { done, violations }
}
