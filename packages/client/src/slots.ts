/** Admits so many at once, in the order they came. */
export interface Slots {
  /** Resolves with what gives the slot back; rejects with the signal's reason when that comes first. */
  take(signal: AbortSignal): Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const queue = new Set<() => void>()

  function giveBack(): void {
    const [next] = queue
    if (next === undefined) free += 1
    else next()
  }

  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const admit = (): void => {
          queue.delete(admit)
          signal.removeEventListener('abort', leave)
          resolve(giveBack)
        }
        const leave = (): void => {
          queue.delete(admit)
          reject(signal.reason)
        }
        if (free > 0) {
          free -= 1
          resolve(giveBack)
          return
        }
        queue.add(admit)
        signal.addEventListener('abort', leave, { once: true })
      })
    },
  }
}
