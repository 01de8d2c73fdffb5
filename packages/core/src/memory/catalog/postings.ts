/** Ids in ascending order. New ids are the highest, so adding is mostly a push. */
export function addId(ids: string[], id: string): void {
  const at = lowerBound(ids, id)
  if (ids[at] !== id) ids.splice(at, 0, id)
}

export function removeId(ids: string[], id: string): void {
  const at = lowerBound(ids, id)
  if (ids[at] === id) ids.splice(at, 1)
}

/** Up to `count` ids below `before`, highest first. */
export function idsBelow(ids: readonly string[], before: string | undefined, count: number): string[] {
  const end = before === undefined ? ids.length : lowerBound(ids, before)
  return ids.slice(Math.max(0, end - count), end).reverse()
}

/** Up to `count` ids above `after`, lowest first. */
export function idsAbove(ids: readonly string[], after: string | undefined, count: number): string[] {
  const found = after === undefined ? 0 : lowerBound(ids, after)
  const start = ids[found] === after && after !== undefined ? found + 1 : found
  return ids.slice(start, start + count)
}

/** Index of the first id that is not below `id`. */
function lowerBound(ids: readonly string[], id: string): number {
  const last = ids[ids.length - 1]
  if (last === undefined || last < id) return ids.length
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = ids[middle]
    if (found !== undefined && found < id) low = middle + 1
    else high = middle
  }
  return low
}
