/** What a name should give: the index of a body, or nothing. */
export type Value = number | 'absent'

interface Write {
  readonly value: Value
  readonly begun: number
  /** When it was acknowledged; never for one whose outcome nobody knows. */
  ended: number
}

/** A write under way. Exactly one of its members is called, unless its caller dies. */
export interface OpenWrite {
  acknowledged(): void
  /** Refused: it had no effect and never will. */
  refused(): void
}

/**
 * What was promised to whom: all writes to each name with their begin and their acknowledgement. A read that overlaps
 * none of them gives the last one; otherwise one of those that may have been the last.
 */
export interface Ledger {
  readonly names: readonly string[]
  write(name: string, value: Value): OpenWrite
  /** A write that is known only now that it is acknowledged, as of a name that the store chose. */
  wrote(name: string, value: Value, begun: number): void
  /** When a read begins. */
  tick(): number
  /** What a read that began then and ends now may give. */
  allowed(name: string, begun: number): ReadonlySet<Value>
  /** Every write to it was acknowledged or refused. */
  isCertain(name: string): boolean
  /** Writes that may have taken effect since then. */
  writesSince(name: string, begun: number): number
}

export function createLedger(): Ledger {
  const names = new Map<string, Write[]>()
  let time = 0

  const writesOf = (name: string): Write[] => {
    let writes = names.get(name)
    if (writes === undefined) {
      writes = [{ value: 'absent', begun: -1, ended: -1 }]
      names.set(name, writes)
    }
    return writes
  }

  return {
    get names() {
      return [...names.keys()]
    },
    tick: () => ++time,
    write(name, value) {
      const writes = writesOf(name)
      const write: Write = { value, begun: ++time, ended: Number.POSITIVE_INFINITY }
      writes.push(write)
      return {
        acknowledged() {
          write.ended = ++time
        },
        refused() {
          writes.splice(writes.indexOf(write), 1)
        },
      }
    },
    wrote(name, value, begun) {
      writesOf(name).push({ value, begun, ended: ++time })
    },
    allowed(name, begun) {
      const writes = writesOf(name)
      // The latest begin among those that were over before the read: whatever ended before that was overwritten.
      const lastBegun = writes.reduce(
        (last, write) => (write.ended < begun ? Math.max(last, write.begun) : last),
        -1,
      )
      return new Set(writes.filter(({ ended }) => ended >= lastBegun).map(({ value }) => value))
    },
    isCertain: (name) => writesOf(name).every(({ ended }) => ended < Number.POSITIVE_INFINITY),
    writesSince: (name, begun) => writesOf(name).filter(({ ended }) => ended > begun).length,
  }
}
