import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ActName } from './acts.ts'

/** Where a process is killed. Threads are told by the order in which they were made; `all`: in whichever comes first. */
export type Point =
  | {
      readonly type: 'syscall'
      readonly thread: number | 'all'
      readonly syscall: string
      readonly nth: number
    }
  | { readonly type: 'statement'; readonly nth: number }

export interface StrikeOptions {
  readonly programs: string
  /** The store's. */
  readonly folder: string
  readonly journal: string
  readonly act: ActName
  readonly seed: number
  readonly days: number
}

export type StrikeOutcome = 'killed' | 'survived' | 'failed'

/** Runs one act in a process of its own and kills it at the point. */
export async function strike(options: StrikeOptions, point: Point): Promise<StrikeOutcome> {
  const child = startAct(options, point.type === 'statement' ? point.nth : undefined)
  if (!(await isReady(child))) return 'failed'
  const tracer = point.type === 'syscall' ? await attach(child, point) : undefined
  child.send('go')
  const [, signal] = await exitOf(child)
  await tracer?.ended
  if (signal === 'SIGKILL') return 'killed'
  return child.exitCode === 0 ? 'survived' : 'failed'
}

export function startAct(options: StrikeOptions, statement: number | undefined): ChildProcess {
  const { programs, folder, journal, act, seed, days } = options
  const armed = armedFile(options)
  for (const file of [armed, `${armed}.statements`]) rmSync(file, { force: true })
  const hook = pathToFileURL(join(programs, 'statements.program.js')).href
  const args = [...(statement === undefined ? [] : ['--import', hook]), join(programs, 'act.program.js')]
  return spawn(process.execPath, [...args, folder, journal, act, ...[seed, days].map(String), armed], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...process.env,
      // Of several, each would count its own calls, and a number would mean something else every time.
      UV_THREADPOOL_SIZE: '1',
      ...(statement === undefined
        ? {}
        : { MEDIAKEEP_KILL_STATEMENT: String(statement), MEDIAKEEP_KILL_ARMED: armed }),
    },
  })
}

/** Its presence says that the act has begun. */
export function armedFile({ journal }: StrikeOptions): string {
  return `${journal}.armed`
}

/** False when the process ended before its act: its journal says why. */
export async function isReady(child: ChildProcess): Promise<boolean> {
  const ready = once(child, 'message').then(() => true)
  return Promise.race([ready, exitOf(child).then(() => false)])
}

export function exitOf(
  child: ChildProcess,
): Promise<readonly [code: number | null, signal: NodeJS.Signals | null]> {
  const { exitCode, signalCode } = child
  if (exitCode !== null || signalCode !== null) return Promise.resolve([exitCode, signalCode])
  return once(child, 'exit').then(([code, signal]) => [code, signal])
}

export interface Tracer {
  readonly ended: Promise<unknown>
}

function attach(
  child: ChildProcess,
  { thread, syscall, nth }: Extract<Point, { type: 'syscall' }>,
): Promise<Tracer> {
  const inject = ['-e', `trace=${syscall}`, '-e', `inject=${syscall}:signal=KILL:when=${nth}`]
  const target = thread === 'all' ? ['-f', '-p', `${child.pid}`] : ['-p', `${threadsOf(child)[thread]}`]
  return startTracer([...target, '-o', '/dev/null', ...inject])
}

/** Thread ids in the order in which the threads were made: the same from run to run. */
export function threadsOf({ pid }: ChildProcess): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .sort((a, b) => a - b)
}

/** Resolves when the tracer holds what it traces. */
export async function startTracer(args: readonly string[]): Promise<Tracer> {
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(tracer, 'exit')
  let said = ''
  const attached = new Promise<void>((resolve) => {
    tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('attached')) resolve()
    })
  })
  const failed = ended.then(() => {
    if (!said.includes('attached')) throw new Error(`strace could not attach: ${said}`)
  })
  await Promise.race([attached, failed])
  failed.catch(() => {}) // told above, or over
  return { ended }
}
