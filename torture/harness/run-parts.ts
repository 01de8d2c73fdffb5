import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuSeconds } from './cpu-time.ts'
import type { Part, Violation } from './part.ts'
import { runSpread } from './spread.ts'

export interface RunOptions {
  /** Share of each part's full count, above 0 and at most 1. */
  readonly share: number
  /** Exact count for each part, in place of the share. */
  readonly count?: number
  readonly seed: number
  readonly signal: AbortSignal
  print(line: string): void
}

export interface PartReport {
  readonly part: string
  readonly done: number
  readonly fullCount: number
  readonly seconds: number
  /** Of all its processes. */
  readonly cpuSeconds: number
  readonly violations: readonly Violation[]
  readonly unavailable?: string
}

const MAX_PRINTED_VIOLATIONS = 10

/** Runs parts one after the other and prints each with its count, its denominator and what it found. */
export async function runParts(parts: readonly Part[], options: RunOptions): Promise<readonly PartReport[]> {
  const reports: PartReport[] = []
  for (const part of parts) {
    if (options.signal.aborted) break
    reports.push(await runPart(part, options))
  }
  return reports
}

async function runPart(part: Part, { share, count, seed, signal, print }: RunOptions): Promise<PartReport> {
  const reason = await part.unavailable?.()
  if (reason !== undefined) {
    print(`${part.name}: cannot run here: ${reason}`)
    const none = { done: 0, seconds: 0, cpuSeconds: 0, violations: [] }
    return { part: part.name, fullCount: part.fullCount, ...none, unavailable: reason }
  }
  const wanted = count ?? Math.max(1, Math.ceil(part.fullCount * share))
  const folder = await mkdtemp(join(tmpdir(), `mediakeep-torture-${part.name}-`))
  const startedMs = performance.now()
  const cpuBefore = cpuSeconds()
  let toldMs = startedMs
  print(`${part.name}: ${part.about}; ${wanted} ${part.unit}, first seed ${seed}`)
  try {
    const { done, violations, figures } = await runSpread(part, {
      count: wanted,
      seed,
      signal,
      folder,
      progress(soFar) {
        if (performance.now() - toldMs < 15_000) return
        toldMs = performance.now()
        print(`  ${soFar} of ${wanted} ${part.unit}`)
      },
      note: (line) => print(`  ${line}`),
    })
    const spent = { seconds: (performance.now() - startedMs) / 1000, cpuSeconds: cpuSeconds() - cpuBefore }
    const sums = Object.entries(figures ?? {}).map(([name, figure]) => `${figure} ${name}`)
    if (sums.length > 0) print(`  ${sums.join(', ')}`)
    const extent = extentOf(done, wanted, part.fullCount, signal.aborted)
    print(
      `  ${done} of ${part.fullCount} ${part.unit}${extent}, ${violations.length} violations, ${spent.seconds.toFixed(1)} s, ${spent.cpuSeconds.toFixed(1)} s of CPU`,
    )
    for (const { what, replay } of violations.slice(0, MAX_PRINTED_VIOLATIONS)) {
      print(`  BROKEN: ${what}`)
      print(`    again: npm run torture -- --only ${part.name} ${replay}`)
    }
    return { part: part.name, done, fullCount: part.fullCount, ...spent, violations }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A run that was cut short must not read like a whole one. */
function extentOf(done: number, wanted: number, fullCount: number, isInterrupted: boolean): string {
  if (done < wanted) return ` (${isInterrupted ? 'interrupted; ' : ''}${wanted} were asked for)`
  return done < fullCount ? '' : ' (all)'
}
