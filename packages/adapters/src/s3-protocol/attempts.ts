import type { StoreAttempt } from '@mediakeep/core'

type Listener = (attempt: StoreAttempt) => void

/** Who wants to know of every request that left. */
export interface Attempts {
  observe(listener: Listener): () => void
  tell(attempt: StoreAttempt): void
}

export function createAttempts(): Attempts {
  const listeners = new Set<{ readonly listener: Listener }>()
  return {
    observe(listener) {
      const entry = { listener } // the same function twice is two listeners
      listeners.add(entry)
      return () => listeners.delete(entry)
    },
    tell(attempt) {
      for (const { listener } of [...listeners]) {
        try {
          listener(attempt)
        } catch {
          // A listener that fails is no failure of the call it was told of.
        }
      }
    },
  }
}
