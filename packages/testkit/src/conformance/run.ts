import type { Conformance, ConformanceCase, OpenedContext, Selection } from './case.ts'
import { selectCases } from './case.ts'

export type CaseOutcome = 'passed' | 'failed' | 'skipped' | 'waived'

export interface CaseResult {
  readonly id: string
  readonly claim: string
  readonly outcome: CaseOutcome
  /** Why it was skipped or waived. */
  readonly reason?: string
  /** Why it failed. */
  readonly error?: Error
  readonly durationMs: number
}

/**
 * Runs one case in a context of its own, then looks for what it left behind. Never throws for a broken promise.
 * A waived case runs too: that it fails is the outcome `waived`, that it passes is a failure.
 */
export async function runCase<Context>(
  conformance: Conformance<Context>,
  selection: Selection<Context>,
): Promise<CaseResult> {
  const { id, claim } = selection.case
  if (selection.type === 'skip') {
    return { id, claim, outcome: 'skipped', reason: `needs ${selection.missing.join(', ')}`, durationMs: 0 }
  }
  const startedMs = performance.now()
  const error = await attempt(conformance, selection.case)
  const durationMs = performance.now() - startedMs
  if (selection.type === 'waived') {
    if (error !== undefined || selection.byChance)
      return { id, claim, outcome: 'waived', reason: selection.reason, durationMs }
    const stale = new Error(`${id} is waived (${selection.reason}) but passes: remove the waiver`)
    return { id, claim, outcome: 'failed', error: stale, durationMs }
  }
  return error === undefined
    ? { id, claim, outcome: 'passed', durationMs }
    : { id, claim, outcome: 'failed', error, durationMs }
}

/** Runs every case in order and gives each result as it comes: the plain runner, without a test framework. */
export async function* runConformance<Context>(
  conformance: Conformance<Context>,
): AsyncGenerator<CaseResult> {
  for (const selection of selectCases(
    conformance.cases,
    await conformance.capabilities(),
    conformance.waivers,
  )) {
    yield await runCase(conformance, selection)
  }
}

async function attempt<Context>(
  conformance: Conformance<Context>,
  entry: ConformanceCase<Context>,
): Promise<Error | undefined> {
  const { timeoutMs } = conformance
  const toError = (thrown: unknown): Error =>
    thrown instanceof Error ? thrown : new Error(`${entry.id}: threw ${String(thrown)}`, { cause: thrown })
  let opened: OpenedContext<Context>
  try {
    opened = await within(timeoutMs, `${entry.id}: opening the backend`, conformance.open())
  } catch (error) {
    return toError(error)
  }
  let failure: Error | undefined
  try {
    await within(timeoutMs, entry.id, entry.check(opened.context))
    const leftovers = await within(timeoutMs, `${entry.id}: looking for what is left`, opened.leftovers())
    if (leftovers.length > 0) failure = new Error(`${entry.id}: left behind: ${leftovers.join('; ')}`)
  } catch (error) {
    failure = toError(error)
  }
  try {
    await within(timeoutMs, `${entry.id}: cleaning up`, opened.cleanup())
  } catch (error) {
    failure ??= toError(error) // what went wrong first says more
  }
  return failure
}

/** A broken backend often answers never: that is a failed case, not a stuck run. */
async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no end within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
