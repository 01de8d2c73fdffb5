/** One broken promise, with what makes it happen again. */
export interface Violation {
  readonly what: string
  /** What follows `npm run torture -- --only <part>`, such as `--seed 17 --count 1`. */
  readonly replay: string
}

export interface PartInput {
  /** Units to do: seeds, kills, cuts, states. */
  readonly count: number
  /** First seed, or where the part starts choosing from. */
  readonly seed: number
  /** Aborts when the run is interrupted; the part then stops soon and reports what it did. */
  readonly signal: AbortSignal
  /** A folder on a real disk for the part alone; removed after it. */
  readonly folder: string
  progress(done: number): void
  /** A line for the report, such as a figure. */
  note(line: string): void
}

export interface PartResult {
  readonly done: number
  readonly violations: readonly Violation[]
  /** Sums for the report by what they count, such as `crashes`; those of several processes are added up. */
  readonly figures?: Readonly<Record<string, number>>
}

/** One way to torment the store. Each names what it counts, and what it cannot see stands in docs/design/0010-torture.md. */
export interface Part {
  readonly name: string
  readonly about: string
  /** What is counted, in the plural. */
  readonly unit: string
  /** How many of them `--minutes 60` does; fewer minutes do their share. */
  readonly fullCount: number
  /**
   * Slices of so many `units`, the next of which begins `seeds` later, do not know of each other: they may run in processes of
   * their own. Absent: all of it is one.
   */
  readonly spread?: { readonly units: number; readonly seeds: number }
  /** Why it cannot run on this machine, such as a missing right; `undefined` when it can. */
  unavailable?(): Promise<string | undefined>
  run(input: PartInput): Promise<PartResult>
}
