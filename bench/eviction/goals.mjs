import { goal } from '../harness/goals.mjs'
import { mean, worstAgainstLru } from './measure.mjs'

/** The figures to reach: shares of the way from LRU to the limit, and single points of known traces where they are there. */
export function evictionGoals(rows) {
  const recorded = rows.filter((row) => !row.isHeldOut)
  const of = (policy) => recorded.filter((row) => row.policy === policy)
  const goals = []
  const shareGoal = (id, policy, key, atLeast, from = of(policy)) => {
    if (from.length === 0) return
    goals.push(
      goal({
        id,
        what: `${policy}: mean share of the way to the limit, ${key === 'objectShare' ? 'objects' : 'bytes'}, ${from.length} points`,
        atLeast,
        measured: mean(from.map((row) => row[key])),
      }),
    )
  }
  const pointGoal = (id, policy, trace, key, atMost) => {
    const row = of(policy).find((one) => one.trace === trace && one.sizeRatio === 0.1)
    if (row === undefined) return
    const what = `${policy}: ${trace} at 10 %, ${key === 'objectMissRatio' ? 'object' : 'byte'} misses`
    const { lowest, highest } = row.spread?.[key === 'objectMissRatio' ? 'objects' : 'bytes'] ?? {}
    const note =
      lowest === undefined
        ? {}
        : { note: `median of ${row.seeds} seeds, ${lowest.toFixed(4)} to ${highest.toFixed(4)}` }
    goals.push(goal({ id, what, atMost, measured: row[key], ...note }))
  }
  shareGoal('requests-share', 'requests', 'objectShare', 0.36)
  pointGoal('requests-images', 'requests', 'akamai_images_synth', 'objectMissRatio', 0.47)
  pointGoal('requests-blog', 'requests', 'apacheblog', 'objectMissRatio', 0.14)
  shareGoal('bytes-share', 'bytes', 'byteShare', 0.25)
  pointGoal('bytes-blocks', 'bytes', 'cloudphysics', 'byteMissRatio', 0.856)
  pointGoal('bytes-images', 'bytes', 'akamai_images_synth', 'byteMissRatio', 0.462)
  shareGoal(
    'balanced-objects',
    'balanced',
    'objectShare',
    0.43,
    of('balanced').filter((row) => row.isSized),
  )
  shareGoal(
    'balanced-bytes',
    'balanced',
    'byteShare',
    0.18,
    of('balanced').filter((row) => row.isSized),
  )
  pointGoal('balanced-scans', 'balanced', 'cloudphysics', 'objectMissRatio', 0.76)
  for (const [id, what, from] of [
    ['balanced-against-lru', 'recorded', recorded],
    ['balanced-against-lru-made-up', 'made-up', rows.filter((row) => row.isHeldOut)],
  ]) {
    const { points, measure, trace, sizeRatio } = worstAgainstLru(from, 'balanced')
    if (trace === undefined) continue
    goals.push(
      goal({
        id,
        what: `balanced: worse than LRU on any ${what} trace, in objects or bytes, by`,
        atMost: 0.5,
        measured: points,
        unit: ' points',
        note: `${measure} of ${trace} at ${sizeRatio * 100} %`,
      }),
    )
  }
  return goals
}
