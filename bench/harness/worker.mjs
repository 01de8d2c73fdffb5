/**
 * The other side of `startModule`: says hello, then answers every message with what `answer` makes of it.
 * A failure is told to the parent; the process goes on.
 */
export function answerParent(answer, hello = {}) {
  const reply = async (message) => {
    try {
      process.send((await answer(message)) ?? {})
    } catch (error) {
      process.send({ failed: error instanceof Error ? error.stack : String(error) })
    }
  }
  process.on('message', (message) => void reply(message))
  process.on('disconnect', () => process.exit())
  process.on('SIGTERM', () => process.exit())
  process.send(hello)
}

/**
 * Repeats `act(index)` with `concurrency` callers for about `ms`, at least once each and at most `maxCount` times in
 * all. Answers seconds per operation and CPU per operation.
 */
export async function repeat(act, { ms, concurrency = 1, maxCount = Number.POSITIVE_INFINITY, from = 0 }) {
  let next = from
  const last = from + maxCount
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  const endsMs = startedMs + ms
  const caller = async () => {
    do {
      if (next >= last) return
      await act(next++)
    } while (performance.now() < endsMs)
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
  const seconds = (performance.now() - startedMs) / 1_000
  const cpu = process.cpuUsage(cpuBefore)
  const count = next - from
  return { cost: seconds / count, cpuUs: (cpu.user + cpu.system) / count, count, next }
}
