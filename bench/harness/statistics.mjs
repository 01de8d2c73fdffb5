/** Numbers in ascending order; the given list is left alone. */
const sorted = (numbers) => Float64Array.from(numbers).sort()

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export function median(numbers) {
  const ordered = sorted(numbers)
  const half = ordered.length >> 1
  if (ordered.length % 2 === 1) return ordered[half]
  return (ordered[half - 1] + ordered[half]) / 2
}

/** The smallest number that `share` of them do not exceed (nearest rank): `percentile(ms, 0.99)`. */
export function percentile(numbers, share) {
  const ordered = sorted(numbers)
  return ordered[Math.max(0, Math.ceil(share * ordered.length) - 1)]
}
