/** Longer than any event loop minds. */
const BEAT_MS = 60_000

let waiting = 0
/** One for the process: a timer of each call would hold what belongs to the call, also of one that never ends. */
let beat: NodeJS.Timeout | undefined

/**
 * Keeps the process alive until what it returns is called; calling that again does nothing. Timers of the clock do not,
 * and a pause before a retry may be all there is.
 */
export function stayAwake(): () => void {
  beat ??= setInterval(() => {}, BEAT_MS)
  if (waiting++ === 0) beat.ref()
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    if (--waiting === 0) beat?.unref()
  }
}
