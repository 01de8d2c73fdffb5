/**
 * Every request of a trace through a policy, nothing warmed up. What is larger than the capacity is a miss.
 * Ids go in as strings, as they do in a store; making them is not part of the seconds.
 */
export function replay({ ids, sizes, requestedBytes }, policy) {
  const names = Array.from(sizes, (_, id) => `object-${id}`)
  let misses = 0
  let missedBytes = 0
  const startedMs = performance.now()
  for (let index = 0; index < ids.length; index++) {
    const number = ids[index]
    const id = names[number]
    const sizeBytes = sizes[number]
    if (policy.access(id, sizeBytes)) continue
    misses += 1
    missedBytes += sizeBytes
    const { admit, victims } = policy.admit(id, sizeBytes)
    if (!admit) continue
    for (const victim of victims) policy.remove(victim)
    policy.insert(id, sizeBytes)
  }
  const seconds = (performance.now() - startedMs) / 1_000
  return {
    objectMissRatio: misses / ids.length,
    byteMissRatio: missedBytes / requestedBytes,
    requestsPerSecond: ids.length / seconds,
  }
}
