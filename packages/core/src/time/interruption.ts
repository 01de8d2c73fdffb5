/** Lets whoever waits stop waiting when something else has happened. One wait at a time. */
export interface Interruption {
  /** As the promise, or rejected with the reason of the interruption when that comes first. */
  wait<T>(promise: Promise<T>): Promise<T>
  /** Ends the wait under way and every later one; only the first reason counts. */
  interrupt(reason: unknown): void
}

/**
 * For loops that wait often for something short beside something long. `Promise.race` with one long-lived promise
 * would keep every value that ever raced against it until that promise settles: a whole body, chunk by chunk.
 */
export function createInterruption(): Interruption {
  let interrupted: { readonly reason: unknown } | undefined
  let endWait: (reason: unknown) => void = ignore
  return {
    wait(promise) {
      return new Promise((resolve, reject) => {
        promise.then(resolve, reject)
        if (interrupted === undefined) endWait = reject
        else reject(interrupted.reason)
      })
    },
    interrupt(reason) {
      interrupted ??= { reason }
      endWait(interrupted.reason)
    },
  }
}

/** As `work`, or rejected with the signal's reason when that comes first: for work that knows nothing of signals. */
export async function untilAbort<T>(work: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const interruption = createInterruption()
  const onAbort = (): void => interruption.interrupt(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    return await interruption.wait(Promise.resolve(work))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function ignore(): void {}
