/** One at a time for each key, in order of arrival, in this process; keys do not wait for each other. */
export interface KeyedLock {
  /** Runs the work when all that came before it under the key has ended, however it ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** A lock for stores and routers: it holds nothing of a key that nobody waits for. */
export function createKeyedLock(): KeyedLock {
  const tails = new Map<string, Promise<unknown>>()
  return {
    run(key, work) {
      const before = tails.get(key)
      const mine = before === undefined ? work() : before.then(work, work)
      tails.set(key, mine)
      const forget = (): void => {
        if (tails.get(key) === mine) tails.delete(key)
      }
      mine.then(forget, forget)
      return mine
    },
  }
}
