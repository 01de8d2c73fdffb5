import type { Catalog, LedgerEntry } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { StoreAttempt } from '../contracts/object-store.ts'
import { LEDGER_FLUSH_MS } from '../defaults.ts'

/** What a call was spared by. */
export type AvoidedBy = 'registry' | 'cache' | 'single-flight' | 'serving-copy'

/**
 * Sums of every attempt at the volumes, kept in the catalog. What the last seconds brought is in memory: a crash loses it,
 * while the budget, which is taken ahead, loses nothing.
 */
export interface Ledger {
  attempt(volumeId: string, attempt: StoreAttempt): void
  /** A call that did not have to be made. */
  avoided(volumeId: string, by: AvoidedBy, bytes: number): void
  /**
   * What others ask by signed addresses, which we do not see: a read is counted when its address is given out, bodies that came when they
   * are completed.
   */
  estimated(
    volumeId: string,
    asked: { readonly class: 'get' | 'put' | 'part'; readonly calls: number; readonly bytes: number },
  ): void
  /** Writes down what is in memory. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface LedgerContext {
  readonly catalog: Pick<Catalog, 'addToLedger'>
  readonly clock: Clock
  /** A flush in the background failed; what it held is kept for the next. */
  onFailure(error: unknown): void
}

interface Sum {
  readonly volumeId: string
  readonly class: string
  readonly cause: string
  calls: number
  bytes: number
}

export function createLedger({ catalog, clock, onFailure }: LedgerContext): Ledger {
  let sums = new Map<string, Sum>()
  let cancel: (() => void) | undefined
  let flushing: Promise<void> = Promise.resolve()
  let isClosed = false

  const add = (entry: LedgerEntry): void => {
    const name = `${entry.volumeId}\n${entry.class}\n${entry.cause}`
    const sum = sums.get(name)
    if (sum === undefined) sums.set(name, { ...entry })
    else {
      sum.calls += entry.calls
      sum.bytes += entry.bytes
    }
    if (cancel === undefined && !isClosed) cancel = clock.after(LEDGER_FLUSH_MS, () => void inBackground())
  }
  const write = async (): Promise<void> => {
    cancel?.()
    cancel = undefined
    if (sums.size === 0) return
    const entries = [...sums.values()]
    sums = new Map()
    try {
      await catalog.addToLedger(entries)
    } catch (error) {
      for (const entry of entries) add(entry)
      throw error
    }
  }
  const flush = (): Promise<void> => {
    // One after the other: an answer that is asked for after a flush must see what an earlier one is writing.
    flushing = flushing.then(write, write)
    return flushing
  }
  const inBackground = (): Promise<void> => flush().catch(onFailure)

  return {
    attempt(volumeId, { class: of, cause, bytes }) {
      add({ volumeId, class: of, cause, calls: 1, bytes })
    },
    avoided(volumeId, by, bytes) {
      add({ volumeId, class: 'avoided', cause: by, calls: 1, bytes })
    },
    estimated(volumeId, { class: of, calls, bytes }) {
      add({ volumeId, class: of, cause: 'estimated', calls, bytes })
    },
    flush,
    async close() {
      isClosed = true
      await flush()
      cancel?.()
    },
  }
}
