import { readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Longest wait for the system to give back what was freed. */
const SETTLE_MS = 2_000

/** Files with a path on disk that this process holds open (below `directory`, when given); 0 where the system does not tell. */
export function countOpenFiles(directory = '/'): number {
  let names: readonly string[]
  try {
    names = readdirSync('/proc/self/fd')
  } catch {
    return 0
  }
  let count = 0
  for (const name of names) {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`)
      if (target.startsWith(directory) && !/^\/(proc|dev|sys)\b/.test(target)) count += 1
    } catch {
      // Closed between the two calls: then it is not open.
    }
  }
  return count
}

/** Asks turn by turn of the event loop until it holds or the time is over: closing a file ends a few turns later. */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number = SETTLE_MS,
): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > endMs) return false
    await nextTurn()
  }
  return true
}
