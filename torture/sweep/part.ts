import type { Part, Violation } from '../harness/part.ts'
import { takeImage } from '../simulation/image.ts'
import { type Case, listCases, wordsOf } from './cases.ts'
import { runCase } from './run-case.ts'

/** About how many cases there are; they are counted from the calls that the store makes. */
const FULL_COUNT = 3_400

/** Fails every call of every act in turn, once and from then on, in every way in which it can fail. */
export const sweep: Part = {
  name: 'sweep',
  about: 'the n-th call to disk or catalog fails, for every n, in every way',
  unit: 'cases',
  fullCount: FULL_COUNT,
  async run({ count, seed, signal, progress, note }) {
    const image = await takeImage()
    const cases = await listCases(image)
    note(`${cases.length} cases are all there are`)
    const violations: Violation[] = []
    let done = 0
    for (const index of chosen(cases, count, seed)) {
      if (signal.aborted) break
      const one = cases[index]
      if (one === undefined) continue
      const what = await runCase(one, image)
      if (what !== undefined)
        violations.push({ what: `${wordsOf(one)}: ${what}`, replay: `--seed ${index} --count 1` })
      progress(++done)
    }
    return { done, violations }
  },
}

/** One case by its number; else so many of all, evenly spread. */
function chosen(cases: readonly Case[], count: number, seed: number): readonly number[] {
  if (count === 1) return [seed % cases.length]
  const wanted = Math.min(count, cases.length)
  return Array.from({ length: wanted }, (_, at) => Math.floor((at * cases.length) / wanted))
}
