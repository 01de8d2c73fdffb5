/**
 * Slots ordered by credit, lowest first. A slot is a small integer of the caller's; its credit is the level that the
 * queue had when it came in, plus its value. The level only rises, to the credit of what leaves.
 */
export interface ValueQueue {
  /** Highest credit of all that left: what every credit is measured from. */
  readonly level: number
  raise(level: number): void
  /** The credit that a slot would get now; values are rounded by at most 1/16. */
  creditFor(logValue: number): number
  add(slot: number, logValue: number): void
  /** Puts a slot that was taken out back to where it was; the last one taken out first. */
  restore(slot: number): void
  remove(slot: number): void
  /** The slot with the lowest credit, the one that came first among equals; -1 when there is none. */
  first(): number
  creditOf(slot: number): number
  /** Makes room for slots 0 .. slotCount - 1. */
  growTo(slotCount: number): void
}

const NONE = -1
/** Lists of values: 8 to each factor of e, so that 64 of those factors are told apart. A power of two. */
const LIST_COUNT = 512
const LISTS_PER_E = 8
/** List of the value 1. The highest is e ** 4, the lowest e ** -60. */
const UNIT_LIST = LIST_COUNT - 4 * LISTS_PER_E - 1
const VALUES = Float64Array.from({ length: LIST_COUNT }, (_, list) =>
  Math.exp((list - UNIT_LIST) / LISTS_PER_E),
)

/**
 * GreedyDual without a heap: values are rounded to some hundred, each with a list. Within a list the order of arrival is
 * the order of credit, because the level only rises; so the lowest is the head of some list, and a tournament over the
 * heads names it. Nine comparisons, whatever is in.
 * @see Cao, Irani: Cost-aware WWW proxy caching algorithms, 1997 (GreedyDual-Size)
 * @see Ghandeharizadeh and others: CAMP, a cost adaptive multi-queue eviction policy, 2014
 */
export function createValueQueue(): ValueQueue {
  const heads = new Int32Array(LIST_COUNT).fill(NONE)
  const tails = new Int32Array(LIST_COUNT).fill(NONE)
  /** A binary tree in an array: leaves are lists, each node above names the list below it whose head is lowest. */
  const winners = new Int16Array(LIST_COUNT).fill(NONE)
  const headCredits = new Float64Array(LIST_COUNT).fill(Number.POSITIVE_INFINITY)
  let nexts = new Int32Array(0)
  let previous = new Int32Array(0)
  let lists = new Int16Array(0)
  let credits = new Float64Array(0)
  let level = 0

  const listOf = (logValue: number): number =>
    Math.min(LIST_COUNT - 1, Math.max(0, UNIT_LIST + Math.round(logValue * LISTS_PER_E)))
  const creditAt = (list: number): number => headCredits[list] ?? Number.POSITIVE_INFINITY

  /** Plays the games of a list again after its head changed. */
  const replay = (list: number): void => {
    const head = heads[list] ?? NONE
    headCredits[list] = head === NONE ? Number.POSITIVE_INFINITY : (credits[head] ?? 0)
    for (let node = (LIST_COUNT + list) >>> 1; node >= 1; node >>>= 1) {
      const isLeafParent = node >= LIST_COUNT / 2
      const left = isLeafParent ? 2 * node - LIST_COUNT : (winners[2 * node] ?? 0)
      const right = isLeafParent ? 2 * node + 1 - LIST_COUNT : (winners[2 * node + 1] ?? 0)
      // Of two heads with the same credit the cheaper one leaves.
      winners[node] = creditAt(right) < creditAt(left) ? right : left
    }
  }
  for (let list = 0; list < LIST_COUNT; list++) replay(list)

  const link = (slot: number, list: number, before: number, after: number): void => {
    lists[slot] = list
    previous[slot] = before
    nexts[slot] = after
    if (after === NONE) tails[list] = slot
    else previous[after] = slot
    if (before !== NONE) {
      nexts[before] = slot
      return
    }
    heads[list] = slot
    replay(list)
  }

  return {
    get level() {
      return level
    },
    raise(to) {
      level = Math.max(level, to)
    },
    creditFor: (logValue) => level + (VALUES[listOf(logValue)] ?? 0),
    add(slot, logValue) {
      const list = listOf(logValue)
      credits[slot] = level + (VALUES[list] ?? 0)
      link(slot, list, tails[list] ?? NONE, NONE)
    },
    restore(slot) {
      const list = lists[slot] ?? 0
      link(slot, list, NONE, heads[list] ?? NONE)
    },
    remove(slot) {
      const list = lists[slot] ?? 0
      const before = previous[slot] ?? NONE
      const after = nexts[slot] ?? NONE
      if (after === NONE) tails[list] = before
      else previous[after] = before
      if (before !== NONE) {
        nexts[before] = after
        return
      }
      heads[list] = after
      replay(list)
    },
    first: () => heads[winners[1] ?? 0] ?? NONE,
    creditOf: (slot) => credits[slot] ?? 0,
    growTo(slotCount) {
      if (slotCount <= nexts.length) return
      nexts = grown(nexts, new Int32Array(slotCount))
      previous = grown(previous, new Int32Array(slotCount))
      lists = grown(lists, new Int16Array(slotCount))
      credits = grown(credits, new Float64Array(slotCount))
    },
  }
}

function grown<T extends Int32Array | Int16Array | Float64Array>(old: T, larger: T): T {
  larger.set(old)
  return larger
}
