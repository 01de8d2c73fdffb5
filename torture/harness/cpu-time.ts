import { readFileSync } from 'node:fs'

/** Of `/proc/self/stat`, counted from behind the name: the time of children that have ended, of theirs too. */
const CHILD_USER = 13
const CHILD_SYSTEM = 14
/** In which Linux tells it, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU seconds of this process and, on Linux, of every one that it started and that has ended. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 + childTicks() / TICKS_PER_SECOND
}

function childTicks(): number {
  if (process.platform !== 'linux') return 0
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[CHILD_USER]) + Number(fields[CHILD_SYSTEM])
}
