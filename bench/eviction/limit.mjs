/**
 * A miss ratio that no policy passes, after PFOO's lower bound: keeping an object from one request to the next costs
 * its bytes times the requests between them, and all that is kept costs at most the capacity times all requests. Taking
 * what gains most for its cost until that is spent forgets only that bytes must fit at every moment, not on the average,
 * so the truth is never better. It is loose where one object is huge.
 * @see Berger, Beckmann, Harchol-Balter: Practical bounds on optimal caching with variable object sizes, 2018
 */
export function createLimit({ ids, sizes, requestedBytes }) {
  const lastSeen = new Int32Array(sizes.length).fill(-1)
  const waits = []
  const weights = []
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index]
    if (lastSeen[id] !== -1) {
      waits.push(index - lastSeen[id])
      weights.push(sizes[id])
    }
    lastSeen[id] = index
  }
  const byCost = orderedBy((interval) => waits[interval] * weights[interval])
  const byWait = orderedBy((interval) => waits[interval])

  function orderedBy(key) {
    const keys = Float64Array.from(waits, (_, interval) => key(interval))
    return Int32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b])
  }

  function most(order, gainOf, budget) {
    let left = budget
    let gain = 0
    for (const interval of order) {
      const cost = waits[interval] * weights[interval]
      if (cost > left) return gain + gainOf(interval) * (left / cost)
      left -= cost
      gain += gainOf(interval)
    }
    return gain
  }

  return (capacityBytes) => {
    const budget = capacityBytes * ids.length
    return {
      objectMissRatio: 1 - most(byCost, () => 1, budget) / ids.length,
      byteMissRatio: 1 - most(byWait, (interval) => weights[interval], budget) / requestedBytes,
    }
  }
}
