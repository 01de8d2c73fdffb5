import { type ChildProcess, fork } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Part, PartInput, PartResult, Violation } from './part.ts'
import { programFolder } from './programs.ts'

/** Units in a row that one process does. `'end'` in place of one: what runs is to stop soon and tell what it did. */
export interface Slice {
  readonly seed: number
  readonly count: number
}

/** What a process that does slices says. */
export type Said =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'note'; readonly line: string }
  | { readonly type: 'result'; readonly result: PartResult }
  | { readonly type: 'failed'; readonly why: string }

export interface SpreadOptions {
  /** Default: one for each core that this process may use. */
  readonly processes?: number
  /** Default: `spread.program.js` among the bundled programs. */
  readonly program?: string
}

/**
 * Runs a part whose slices do not know of each other in as many processes as there are cores; in this one where there is one slice
 * or one core. Each seed does what it does in one process. An abort, or a slice that throws, lets every process end its unit.
 * @throws what a slice threw, or how its process ended
 */
export async function runSpread(
  part: Part,
  input: PartInput,
  { processes = availableParallelism(), program }: SpreadOptions = {},
): Promise<PartResult> {
  const slices = slicesOf(part, input)
  const workers = Math.min(processes, slices.length)
  if (workers < 2) return part.run(input)

  const ending = new AbortController()
  const signal = AbortSignal.any([input.signal, ending.signal])
  const found: { readonly slice: Slice; readonly result: PartResult }[] = []
  const doneBy = Array.from({ length: workers }, () => 0)
  const work = async (worker: number): Promise<void> => {
    const folder = join(input.folder, `process-${worker}`)
    await mkdir(folder)
    const child = fork(program ?? join(programFolder(), 'spread.program.js'), [part.name, folder])
    const end = (): void => void (child.connected && child.send('end', () => {}))
    signal.addEventListener('abort', end)
    try {
      let before = 0
      for (let slice = slices.shift(); slice !== undefined && !signal.aborted; slice = slices.shift()) {
        const result = await runSlice(child, slice, signal, (said) => {
          if (said.type === 'note') input.note(said.line)
          if (said.type !== 'progress') return
          doneBy[worker] = before + said.done
          input.progress(sum(doneBy))
        })
        if (result === undefined) break
        before += result.done
        found.push({ slice, result })
      }
    } catch (error) {
      ending.abort(error)
      throw error
    } finally {
      signal.removeEventListener('abort', end)
      if (child.connected) child.disconnect()
      await exitOf(child)
    }
  }
  const ended = await Promise.allSettled(doneBy.map((_, worker) => work(worker)))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  return mergeResults(found.sort((a, b) => a.slice.seed - b.slice.seed).map(({ result }) => result))
}

/** The rest belongs to the last slice: one of a single unit would be taken for a replay. */
function slicesOf({ spread }: Part, { seed, count }: PartInput): Slice[] {
  if (spread === undefined) return [{ seed, count }]
  const { units, seeds } = spread
  const slices = Math.max(1, Math.floor(count / units))
  return Array.from({ length: slices }, (_, at) => ({
    seed: seed + at * seeds,
    count: at < slices - 1 ? units : count - at * units,
  }))
}

/** @returns `undefined` when the process was ended by others after the abort */
function runSlice(
  child: ChildProcess,
  slice: Slice,
  signal: AbortSignal,
  hear: (said: Said) => void,
): Promise<PartResult | undefined> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      const said = message as Said // of our own program, and of this bundle
      hear(said)
      if (said.type === 'result') settle(() => resolve(said.result))
      if (said.type === 'failed') settle(() => reject(new Error(said.why)))
    }
    const onExit = (code: number | null, by: NodeJS.Signals | null): void =>
      settle(() => {
        if (signal.aborted) resolve(undefined)
        else reject(new Error(`a process of the part ended with ${by ?? code} in seeds from ${slice.seed}`))
      })
    const settle = (tell: () => void): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      tell()
    }
    child.on('message', onMessage)
    child.once('exit', onExit)
    child.send(slice, (error) => {
      if (error !== null && !signal.aborted) settle(() => reject(error))
    })
  })
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => child.once('exit', resolve))
}

function mergeResults(results: readonly PartResult[]): PartResult {
  const violations: Violation[] = results.flatMap((result) => result.violations)
  const figures: Record<string, number> = {}
  for (const result of results)
    for (const [name, figure] of Object.entries(result.figures ?? {}))
      figures[name] = (figures[name] ?? 0) + figure
  return { done: sum(results.map(({ done }) => done)), violations, figures }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
