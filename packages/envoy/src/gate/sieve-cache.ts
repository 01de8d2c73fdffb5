/** Values by key, bounded in number and bytes. */
export interface SieveCache<Value> {
  readonly size: number
  readonly usedBytes: number
  get(key: string): Value | undefined
  /** Takes a value in, at the cost it is said to have. False: it is larger than all the room, and not kept. */
  set(key: string, value: Value, costBytes: number): boolean
  delete(key: string): void
  clear(): void
}

const NONE = -1

/**
 * SIEVE: entries in the order they came, a mark on those that were asked for again, and a hand that walks from the oldest to the
 * newest, takes marks away, and drops the first entry without one. A hit writes one byte and moves nothing, and one walk over
 * names that are asked for once drops only those.
 * @see Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024
 * @param onDrop told of each entry that leaves, however
 */
export function createSieveCache<Value>(
  { maxEntries, maxBytes }: { readonly maxEntries: number; readonly maxBytes: number },
  onDrop: (key: string, value: Value) => void = () => {},
): SieveCache<Value> {
  const slots = new Map<string, number>()
  const keys: (string | undefined)[] = []
  const values: (Value | undefined)[] = []
  const costs = new Float64Array(maxEntries)
  const marks = new Uint8Array(maxEntries)
  /** Towards those that came later. */
  const newer = new Int32Array(maxEntries).fill(NONE)
  const older = new Int32Array(maxEntries).fill(NONE)
  const free: number[] = []
  let newest = NONE
  let oldest = NONE
  let hand = NONE
  let usedBytes = 0
  let usedSlots = 0

  const remove = (slot: number): void => {
    const [before, after] = [older[slot] ?? NONE, newer[slot] ?? NONE]
    if (before === NONE) oldest = after
    else newer[before] = after
    if (after === NONE) newest = before
    else older[after] = before
    if (hand === slot) hand = after
    usedBytes -= costs[slot] ?? 0
    const [key, value] = [keys[slot], values[slot]]
    keys[slot] = undefined
    values[slot] = undefined
    free.push(slot)
    if (key === undefined || value === undefined) return
    slots.delete(key)
    onDrop(key, value)
  }
  const evict = (): void => {
    let slot = hand === NONE ? oldest : hand
    while (marks[slot] === 1) {
      marks[slot] = 0
      slot = newer[slot] ?? NONE
      if (slot === NONE) slot = oldest
    }
    hand = slot
    remove(slot)
  }
  return {
    get size() {
      return slots.size
    },
    get usedBytes() {
      return usedBytes
    },
    get(key) {
      const slot = slots.get(key)
      if (slot === undefined) return undefined
      marks[slot] = 1
      return values[slot]
    },
    set(key, value, costBytes) {
      const known = slots.get(key)
      const mark = known === undefined ? 0 : (marks[known] ?? 0)
      if (known !== undefined) remove(known)
      if (costBytes > maxBytes || maxEntries === 0) return false
      while (slots.size > 0 && (slots.size >= maxEntries || usedBytes + costBytes > maxBytes)) evict()
      const slot = free.pop() ?? usedSlots++
      slots.set(key, slot)
      keys[slot] = key
      values[slot] = value
      costs[slot] = costBytes
      marks[slot] = mark
      usedBytes += costBytes
      older[slot] = newest
      newer[slot] = NONE
      if (newest === NONE) oldest = slot
      else newer[newest] = slot
      newest = slot
      return true
    },
    delete(key) {
      const slot = slots.get(key)
      if (slot !== undefined) remove(slot)
    },
    clear() {
      while (oldest !== NONE) remove(oldest)
    },
  }
}
