import { inspect, parseArgs } from 'node:util'
import { type PartReport, runParts } from './harness/run-parts.ts'
import { parts } from './parts.ts'

const FULL_MINUTES = 60

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const USAGE = `npm run torture [-- options]
parts:
${parts.map(({ name, about, unit, fullCount }) => `  ${name.padEnd(14)} ${about}; all: ${fullCount} ${unit}`).join('\n')}
options:
  --minutes N   share of each count: 60 does all, 10 (the default) a sixth. About its minutes on eight cores;
                two take 25 for a sixth (docs/design/0010-torture.md)
  --only NAME   this part alone; may be given several times
  --seed N      first seed (default: from the clock, printed)
  --count N     exactly so many of each part's units
Exits 0 when nothing was broken, 1 when something was, 2 on wrong usage.`

/** @returns the exit code */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      only: { type: 'string', multiple: true },
      seed: { type: 'string' },
      count: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    say(USAGE)
    return 0
  }
  const minutes = positive('minutes', values.minutes, 0.01)
  const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : positive('seed', values.seed, 0)
  const chosen = values.only ?? parts.map(({ name }) => name)
  const unknown = chosen.find((name) => !parts.some((part) => part.name === name))
  if (unknown !== undefined) throw new RangeError(`no part is called ${unknown}`)

  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => ending.abort(new Error(signal)))
  const reports = await runParts(
    parts.filter(({ name }) => chosen.includes(name)),
    {
      share: Math.min(1, minutes / FULL_MINUTES),
      ...(values.count === undefined ? {} : { count: positive('count', values.count) }),
      seed,
      signal: ending.signal,
      print: say,
    },
  )
  const broken = reports.reduce((sum, { violations }) => sum + violations.length, 0)
  if (reports.length > 1) for (const line of table(reports)) say(line)
  const away = reports.filter(({ unavailable }) => unavailable !== undefined).length
  say(`${reports.length - away} parts ran, ${away} could not run here, ${broken} violations, seed ${seed}`)
  return broken > 0 || ending.signal.aborted ? 1 : 0
}

/** What each part took: the processes of a part may use several cores at once. */
function table(reports: readonly PartReport[]): readonly string[] {
  const rows = reports.map(({ part, done, seconds, cpuSeconds }) => [
    part,
    `${done}`,
    seconds.toFixed(0),
    cpuSeconds.toFixed(0),
  ])
  return [['part', 'count', 's', 's of CPU'], ...rows].map(([name = '', ...figures]) =>
    [name.padEnd(14), ...figures.map((figure) => figure.padStart(9))].join(' '),
  )
}

function positive(name: string, text: string, min = 1): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= min) return value
  throw new RangeError(`--${name} takes a number from ${min}`)
}

try {
  process.exitCode = await main()
} catch (error) {
  const isUsage = error instanceof RangeError || (error instanceof TypeError && 'code' in error)
  process.stderr.write(`${isUsage ? `${error.message}\n\n${USAGE}` : inspect(error)}\n`)
  process.exitCode = isUsage ? 2 : 1
}
// What the dead of a simulation had under way never ends, and would keep this process alive.
process.exit()
