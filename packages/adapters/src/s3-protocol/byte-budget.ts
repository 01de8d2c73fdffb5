/** Memory that bodies on their way out may hold together. First come, first served. */
export interface ByteBudget {
  /**
   * Resolves once there is room, with what gives it back (idempotent). More than the whole budget is given when nothing else is held.
   * @throws the signal's reason
   */
  acquire(sizeBytes: number, signal: AbortSignal): Promise<() => void>
  readonly heldBytes: number
}

interface Waiter {
  readonly sizeBytes: number
  start(): void
}

export function createByteBudget(maxBytes: number): ByteBudget {
  const waiting: Waiter[] = []
  let heldBytes = 0

  const fits = (sizeBytes: number): boolean => heldBytes === 0 || heldBytes + sizeBytes <= maxBytes

  function take(sizeBytes: number): () => void {
    heldBytes += sizeBytes
    let given = false
    return () => {
      if (given) return
      given = true
      heldBytes -= sizeBytes
      startNext()
    }
  }

  function startNext(): void {
    for (let next = waiting[0]; next !== undefined && fits(next.sizeBytes); next = waiting[0]) {
      waiting.shift()
      next.start()
    }
  }

  return {
    get heldBytes() {
      return heldBytes
    },
    acquire(sizeBytes, signal) {
      signal.throwIfAborted()
      if (sizeBytes === 0 || (waiting.length === 0 && fits(sizeBytes)))
        return Promise.resolve(take(sizeBytes))
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting.splice(waiting.indexOf(waiter), 1)
          reject(signal.reason)
          startNext() // whoever waited behind may fit
        }
        const waiter: Waiter = {
          sizeBytes,
          start() {
            signal.removeEventListener('abort', leave)
            resolve(take(sizeBytes))
          },
        }
        signal.addEventListener('abort', leave, { once: true })
        waiting.push(waiter)
      })
    },
  }
}
