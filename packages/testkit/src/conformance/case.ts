/**
 * One promise of a contract, as data: any runner can run it, also `mediakeep doctor` on a live backend.
 * `check` throws when the promise is broken.
 */
export interface ConformanceCase<Context> {
  /** Dotted, stable: waivers name it. */
  readonly id: string
  /** The promise, as a sentence about the subject: "put() replaces an object in one step". */
  readonly claim: string
  /** Capabilities without which the promise does not apply. */
  readonly needs?: readonly string[]
  check(context: Context): Promise<void>
}

/** A promise that this backend cannot keep, with why. It fails when the case would pass: then it no longer applies. */
export interface Waiver {
  readonly id: string
  readonly reason: string
  /** The promise holds now and then, by chance: that it passes says nothing. Default false. */
  readonly byChance?: boolean
}

/** What one case runs against; made anew for each. */
export interface OpenedContext<Context> {
  readonly context: Context
  /** Asked after the check has passed: what is left that should not be, each in words. Empty: nothing. */
  leftovers(): Promise<readonly string[]>
  /** Frees everything; runs also after a failure. */
  cleanup(): Promise<void>
}

/** Cases bound to one backend: what every binder and runner takes. */
export interface Conformance<Context> {
  readonly cases: readonly ConformanceCase<Context>[]
  readonly waivers: readonly Waiver[]
  /** A case that takes longer has failed. */
  readonly timeoutMs: number
  /** Capabilities of the backend, asked once. */
  capabilities(): Promise<ReadonlySet<string>>
  open(): Promise<OpenedContext<Context>>
}

export type Selection<Context> =
  | { readonly type: 'run'; readonly case: ConformanceCase<Context> }
  | { readonly type: 'skip'; readonly case: ConformanceCase<Context>; readonly missing: readonly string[] }
  | {
      readonly type: 'waived'
      readonly case: ConformanceCase<Context>
      readonly reason: string
      readonly byChance: boolean
    }

/**
 * Says for each case whether it runs, is skipped for want of a capability, or is waived.
 * @throws Error when two cases share an id, or a waiver has no reason, names no case, or names one that would be skipped.
 */
export function selectCases<Context>(
  cases: readonly ConformanceCase<Context>[],
  capabilities: ReadonlySet<string>,
  waivers: readonly Waiver[] = [],
): readonly Selection<Context>[] {
  const waived = new Map(waivers.map((waiver) => [waiver.id, waiver]))
  const faults: string[] = []
  const seen = new Set<string>()
  const selections: Selection<Context>[] = []
  for (const entry of cases) {
    if (seen.has(entry.id)) faults.push(`two cases are called ${entry.id}`)
    seen.add(entry.id)
    const missing = (entry.needs ?? []).filter((need) => !capabilities.has(need))
    const waiver = waived.get(entry.id)
    if (missing.length > 0) {
      if (waiver !== undefined)
        faults.push(
          `the waiver of ${entry.id} is not needed: it is skipped for want of ${missing.join(', ')}`,
        )
      selections.push({ type: 'skip', case: entry, missing })
    } else if (waiver !== undefined) {
      const { reason, byChance = false } = waiver
      selections.push({ type: 'waived', case: entry, reason, byChance })
    } else selections.push({ type: 'run', case: entry })
  }
  for (const { id, reason } of waivers) {
    if (!seen.has(id)) faults.push(`a waiver names ${id}, which is no case`)
    if (reason.trim() === '') faults.push(`the waiver of ${id} gives no reason`)
  }
  if (faults.length > 0) throw new Error(`the conformance run is set up wrongly: ${faults.join('; ')}`)
  return selections
}
