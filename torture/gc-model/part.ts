import type { Part } from '../harness/part.ts'
import { explore } from './explore.ts'
import type { Scenario } from './state.ts'
import { asItIs } from './variants.ts'

/** Two putters, a deleter and two collectors, on one blob and on two. */
export const scenarios: readonly Scenario[] = [
  { name: 'one blob', putters: [0, 0], deleters: 1, collectors: 2, ticks: 3, crashes: 2 },
  { name: 'two blobs', putters: [0, 1], deleters: 1, collectors: 2, ticks: 3, crashes: 1 },
  { name: 'a new blob', putters: [1, 1], deleters: 1, collectors: 2, ticks: 3, crashes: 1 },
]

export const gcModel: Part = {
  name: 'gc-model',
  about: 'every order of the steps of putters, a deleter and collectors over the catalog in memory',
  unit: 'states',
  fullCount: 1_000_000,
  async run({ count, signal, progress, note }) {
    const violations: { what: string; replay: string }[] = []
    let done = 0
    for (const [index, scenario] of scenarios.entries()) {
      const maxStates = Math.ceil((count - done) / (scenarios.length - index))
      const before = done
      const { states, complete, violation } = await explore(scenario, asItIs, {
        maxStates,
        signal,
        progress: (soFar) => progress(before + soFar),
      })
      done += states
      note(`${scenario.name}: ${states} states${complete ? ', all there are' : ''}`)
      if (violation === undefined) continue
      for (const move of violation.moves) note(`    ${move}`)
      violations.push({ what: `${scenario.name}: ${violation.what}`, replay: `--count ${count}` })
    }
    return { done, violations }
  },
}
