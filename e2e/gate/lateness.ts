/** How long the loop of this process has been away in all: what no gate can answer for. */
export interface Lateness {
  /** In milliseconds, up to now. */
  soFarMs(): number
  stop(): void
}

const TICK_MS = 4

export function measureLateness(): Lateness {
  let lateMs = 0
  let lastMs = performance.now()
  const behind = (nowMs: number): number => Math.max(nowMs - lastMs - 2 * TICK_MS, 0)
  const timer = setInterval(() => {
    const nowMs = performance.now()
    lateMs += behind(nowMs)
    lastMs = nowMs
  }, TICK_MS)
  return {
    soFarMs: () => lateMs + behind(performance.now()),
    stop: () => clearInterval(timer),
  }
}
