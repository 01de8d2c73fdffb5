import { resolve } from 'node:path'
import { createEvictionPolicy } from '@mediakeep/core'
import { number, table } from '../harness/report.mjs'
import { evictionGoals } from './goals.mjs'
import { capacityOf, LIMIT, mean, measureTrace, SETTINGS, withShares } from './measure.mjs'
import { findReference, REFERENCES, referenceRows } from './reference.mjs'
import { syntheticTraces } from './synthetic.mjs'
import { readTrace, traceNames } from './traces.mjs'

const DEFAULT_TRACES = '../shared/traces'
const DEFAULT_SIZES = '0.01,0.05,0.1,0.25'
/** Odd, so that the median is a run that was. */
const SEEDS = 5

/** Miss ratios of the eviction policy on recorded and on made-up traces, beside LRU, libCacheSim's policies and the limit. */
export async function run({ quick, isChosen, options, print, say }) {
  const sizeRatios = (options.sizes ?? DEFAULT_SIZES).split(',').map(Number)
  if (sizeRatios.some((ratio) => !(ratio > 0 && ratio <= 1)))
    throw new Error(`--sizes ${options.sizes}: shares of the footprint, as 0.1`)
  const wanted = options.policies?.split(',') ?? [...SETTINGS, ...REFERENCES]
  const unknown = wanted.filter((name) => !SETTINGS.includes(name) && !REFERENCES.includes(name))
  if (unknown.length > 0)
    throw new Error(`--policies ${unknown.join()}: known are ${[...SETTINGS, ...REFERENCES].join()}`)

  const folder = resolve(options.traces ?? DEFAULT_TRACES)
  const names = traceNames(folder)
  if (names === undefined || names.length === 0) {
    say(
      `nothing to replay: ${folder} ${names === undefined ? 'does not exist' : 'has no .csv.gz'}; --traces DIR names another folder`,
    )
    return { rows: [], goals: [] }
  }
  const references = REFERENCES.filter((name) => wanted.includes(name))
  const python =
    references.length === 0 ? undefined : await findReference({ mayInstall: options.reference, say })
  const settings = SETTINGS.filter((name) => name === 'lru' || wanted.includes(name))

  const rows = []
  const measure = async (trace, isHeldOut) => {
    if (!isChosen(trace.name)) return
    const measured = measureTrace(trace, {
      sizeRatios,
      settings,
      seeds: quick ? 1 : SEEDS,
      createEvictionPolicy,
    })
    // The made-up traces are there to convict our own rule, not to rank others.
    if (python !== undefined && !isHeldOut) measured.push(...(await fromReference(trace)))
    const withAll = withShares(measured).map((row) => ({ ...row, isHeldOut }))
    printTrace(trace, withAll, { sizeRatios, print })
    rows.push(...withAll)
  }
  const fromReference = async (trace) => {
    const capacities = sizeRatios.map((ratio) => capacityOf(trace, ratio))
    const answered = await referenceRows(python, trace, capacities, references)
    return answered.map(({ capacityBytes, ...row }) => ({
      trace: trace.name,
      sizeRatio: sizeRatios[capacities.indexOf(capacityBytes)],
      capacityBytes,
      kind: 'peer',
      ...row,
    }))
  }

  for (const name of names) await measure(readTrace(folder, name), false)
  for (const trace of syntheticTraces(quick ? 20_000 : 150_000)) await measure(trace, true)
  printMeans(rows, print)
  return { rows, goals: evictionGoals(rows) }
}

const ratios = (row) => `${row.objectMissRatio.toFixed(3)} / ${row.byteMissRatio.toFixed(3)}`

function printTrace(trace, rows, { sizeRatios, print }) {
  print('')
  const policies = [...new Set(rows.map(({ policy }) => policy))].sort(
    (a, b) => (a === LIMIT) - (b === LIMIT),
  )
  const lines = policies.map((policy) => {
    const own = rows.filter((row) => row.policy === policy)
    const speeds = own.map((row) => row.requestsPerSecond).filter((speed) => speed !== undefined)
    const cells = sizeRatios
      .map((ratio) => own.find((row) => row.sizeRatio === ratio))
      .map((row) => (row ? ratios(row) : '-'))
    return [policy, ...cells, speeds.length === 0 ? '' : number(mean(speeds) / 1e6)]
  })
  const head = [
    `${trace.name}: object / byte misses`,
    ...sizeRatios.map((ratio) => `${ratio * 100} %`),
    'M requests/s',
  ]
  for (const line of table(head, lines)) print(line)
  const widest = widestSpread(rows)
  if (widest !== undefined)
    print(
      `median of ${widest.seeds} seeds; widest apart: ${widest.policy} at ${widest.sizeRatio * 100} %, ${widest.measure} ${widest.lowest.toFixed(3)} to ${widest.highest.toFixed(3)}`,
    )
}

function widestSpread(rows) {
  const spreads = rows.flatMap(({ policy, sizeRatio, seeds, spread }) =>
    Object.entries(spread ?? {}).map(([measure, ends]) => ({ policy, sizeRatio, seeds, measure, ...ends })),
  )
  return spreads.sort((a, b) => b.highest - b.lowest - (a.highest - a.lowest))[0]
}

function printMeans(rows, print) {
  print('')
  const groups = [
    ['recorded', rows.filter((row) => !row.isHeldOut)],
    ['synthetic', rows.filter((row) => row.isHeldOut)],
  ]
  const policies = [...new Set(rows.map(({ policy }) => policy))].filter((policy) => policy !== LIMIT)
  const share = (list) =>
    `${mean(list.map((row) => row.objectShare)).toFixed(2)} / ${mean(list.map((row) => row.byteShare)).toFixed(2)}`
  const lines = policies.map((policy) => [
    policy,
    ...groups.map(([, list]) => share(list.filter((row) => row.policy === policy))),
  ])
  for (const line of table(
    ['share of the way from LRU to the limit, objects / bytes', ...groups.map(([name]) => name)],
    lines,
  ))
    print(line)
}
