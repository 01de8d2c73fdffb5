/**
 * Intersection of posting lists without reading any of them whole.
 *
 * Each list is ids in descending order. Every list shows its next id; the lowest of them is the only one that all
 * can still share, so the others skip down to it. When all show the same id, it is found. Lists skip over each other,
 * so the work follows the shortest one, and `maxWork` bounds it for lists that are all long and hardly ever meet:
 * the walk stops there and says how far it came.
 */

/** Up to `count` ids of a posting list, descending, all strictly below `before` (absent: from the newest). */
export type ReadPostings = (term: string, before: string | undefined, count: number) => readonly string[]

export interface ZigzagOptions {
  readonly terms: readonly string[]
  readonly read: ReadPostings
  /** Exclusive upper bound of ids. */
  readonly before?: string | undefined
  /** Inclusive lower bound of ids. */
  readonly from?: string | undefined
  /** Called with each id that is in all lists, newest first. `false` ends the walk. */
  readonly onId: (id: string) => boolean
  /** Reads plus ids read. */
  readonly maxWork: number
  /** Ids of the first read of each list. Default 8; a single list is best read in one go. */
  readonly firstRead?: number
}

export interface ZigzagEnd {
  /** `end`: nothing is left; `stopped`: `onId` said so; `spent`: the work is used up. */
  readonly type: 'end' | 'stopped' | 'spent'
  /** Every id at or above this one was looked at: continue with it as `before`. */
  readonly lastId?: string
}

const FIRST_READ = 8
const LARGEST_READ = 128
/** Sorts after every character of an id: makes the exclusive bound of a read inclusive. */
const JUST_ABOVE = '~'

/** Walks until the lists end, `onId` stops it or the work is spent; takes at least one step. */
export function zigzag(options: ZigzagOptions): ZigzagEnd {
  const { terms, from, onId } = options
  const budget = { work: options.maxWork }
  const lists = terms.map((term) => openList(term, options.read, budget, options.firstRead ?? FIRST_READ))
  let bound = options.before
  let lastId: string | undefined
  const ended = (type: ZigzagEnd['type']): ZigzagEnd => (lastId === undefined ? { type } : { type, lastId })
  for (;;) {
    let lowest: string | undefined
    let aboveLowest: string | undefined
    for (const list of lists) {
      const head = list.next(bound)
      if (head === undefined || (from !== undefined && head < from)) return ended('end')
      if (lowest === undefined || head < lowest) {
        if (lowest !== undefined) aboveLowest = lowest
        lowest = head
        // The lists that follow have nothing to show above this one.
        bound = head + JUST_ABOVE
      } else if (head > lowest) aboveLowest = head
    }
    if (lowest === undefined) return ended('end')
    if (aboveLowest === undefined) {
      lastId = lowest
      bound = lowest
      if (!onId(lowest)) return ended('stopped')
    } else lastId = aboveLowest
    if (budget.work <= 0) return ended('spent')
  }
}

interface PostingList {
  /** The first id below `bound`. */
  next(bound: string | undefined): string | undefined
}

/** Reads ahead, more while what was read gets used, less while it is skipped. */
function openList(
  term: string,
  read: ReadPostings,
  budget: { work: number },
  firstRead: number,
): PostingList {
  let ids: readonly string[] = []
  let at = 0
  let used = 0
  let count = firstRead
  let atEnd = false
  const skipTo = (bound: string | undefined): string | undefined => {
    if (bound !== undefined) {
      const start = at
      for (let id = ids[at]; id !== undefined && id >= bound; id = ids[at]) at++
      if (at > start) used++
    }
    return ids[at]
  }
  return {
    next(bound) {
      const head = skipTo(bound)
      if (head !== undefined || atEnd) return head
      if (ids.length > 0)
        count = used * 2 >= ids.length ? Math.min(count * 2, LARGEST_READ) : Math.max(count >> 1, 1)
      ids = read(term, bound, count)
      budget.work -= 1 + ids.length
      at = 0
      used = 0
      atEnd = ids.length < count
      return ids[0]
    },
  }
}
