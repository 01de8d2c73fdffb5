// npm run bench [name] [-- options]: measures, prints, writes bench/results/<name>.json. Exits 0 also when goals are missed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, loadNow } from './harness/machine.mjs'
import { killAll } from './harness/processes.mjs'
import { printGoals } from './harness/report.mjs'
import { removeAll, useBaseFolder } from './harness/temporary.mjs'

const BENCHES = {
  multipart: 'parsing of forms, against busboy',
  catalog: 'pages of lists at 10^4 and 10^6 records, commits with and without grouping',
  cas: 'put and get of bodies, against cacache, a stream pipeline and copyFile',
  uploads: 'uploads by every door, against a stream to a file, multer and @tus/server',
  serve: 'GET over HTTP, against sirv, express.static, bare node:http and nginx',
  gate: 'checks of the gate over gRPC, against grpc-js with proto-loader and Go, direct and through Envoy',
  upkeep: 'verifying all copies, marking all blobs',
  tiers: 'hits, loads and bursts of tiers, against plain copies',
  memory: 'memory of a 5 GB body and of 200 uploads at once, event-loop delay under uploads',
  eviction: 'miss ratios on traces, against LRU, libCacheSim and the limit',
}

const USAGE = `npm run bench [name] [-- options]
names:
${Object.entries(BENCHES)
  .map(([name, about]) => `  ${name.padEnd(10)} ${about}`)
  .join('\n')}
options:
  --quick         shorter: fewer rounds, shorter windows, smaller bodies; for a look, not for a claim
  --rounds N      rounds of every cell (5, quick 3)
  --only TEXT     only cells whose name contains TEXT
  --folder DIR    measure on the disk of this folder (default: the system's temporary folder)
of eviction:
  --traces DIR    replay the time,id,size .csv.gz files of this folder (default: ../shared/traces)
  --policies A,B  only these (default: all)
  --sizes 0.1,..  sizes of the cache as shares of all distinct bytes (default: 0.01,0.05,0.1,0.25)
  --reference     install libCacheSim from PyPI outside the repository when it is not there
Without a name all run, quick.`

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    folder: { type: 'string' },
    traces: { type: 'string' },
    policies: { type: 'string' },
    sizes: { type: 'string' },
    reference: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const print = (line) => console.log(line)
const say = (line) => console.error(`bench: ${line}`)

process.on('exit', () => {
  killAll()
  removeAll()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

async function runBench(name, quick) {
  const { run } = await import(`./${name}/bench.mjs`)
  const machine = describeMachine()
  const at = new Date().toISOString()
  const rounds = values.rounds === undefined ? (quick ? 3 : 5) : Number(values.rounds)
  const { only } = values
  print('')
  print(`== ${name}: ${BENCHES[name]}${quick ? ' (quick: for a look, not for a claim)' : ''}`)
  print(
    `   Node ${process.versions.node}, ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, ` +
      `${machine.fileSystem} (4 KiB synced in ${machine.syncMs} ms), ` +
      `${machine.pinned ? 'servers and load on a core each' : 'processes not pinned'}, load ${machine.loadAverageBefore.join(' ')}`,
  )
  print(
    `   Lowest of ${rounds} interleaved medians, spread over the rounds; ratios per round, then their median.`,
  )
  const isChosen = (cell) => only === undefined || cell.includes(only)
  const { rows, goals } = await run({ quick, rounds, isChosen, options: values, print, say })
  machine.loadAverageAfter = loadNow()
  printGoals(goals, print)
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.json`)
  const result = { name, at, machine, node: process.versions.node, quick, roundCount: rounds, rows, goals }
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  print(`wrote ${file}; load average now ${machine.loadAverageAfter.join(' ')}`)
}

if (values.help) {
  print(USAGE)
} else if (positionals.some((name) => !Object.hasOwn(BENCHES, name))) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  if (values.folder !== undefined) useBaseFolder(values.folder)
  const isAll = positionals.length === 0
  if (isAll) print(USAGE)
  for (const name of isAll ? Object.keys(BENCHES) : positionals) await runBench(name, isAll || values.quick)
}
