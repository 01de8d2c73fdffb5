/** At most so many at once, the others in line. */
export interface Slots {
  readonly taken: number
  readonly waiting: number
  /**
   * Resolves with how to give the slot back, which counts once.
   * @throws what `onFull` makes when the line is full too; the reason of the signal when that comes first.
   */
  take(signal: AbortSignal): Promise<() => void>
}

export interface SlotsOptions {
  readonly maxTaken: number
  readonly maxWaiting: number
  onFull(): Error
}

export function createSlots({ maxTaken, maxWaiting, onFull }: SlotsOptions): Slots {
  // A set keeps the order of arrival, and lets those who leave go without a search.
  const line = new Set<() => void>()
  let taken = 0

  const leaving = (): (() => void) => {
    let isBack = false
    return () => {
      if (isBack) return
      isBack = true
      const [next] = line
      if (next === undefined) {
        taken -= 1
        return
      }
      line.delete(next)
      next() // the slot goes over; it is never free in between
    }
  }

  return {
    get taken() {
      return taken
    },
    get waiting() {
      return line.size
    },
    take(signal) {
      if (signal.aborted) return Promise.reject(signal.reason)
      if (taken < maxTaken) {
        taken += 1
        return Promise.resolve(leaving())
      }
      if (line.size >= maxWaiting) return Promise.reject(onFull())
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          line.delete(enter)
          reject(signal.reason)
        }
        const enter = (): void => {
          signal.removeEventListener('abort', onAbort)
          resolve(leaving())
        }
        signal.addEventListener('abort', onAbort, { once: true })
        line.add(enter)
      })
    },
  }
}
