/** One at a time per object, in this process. */
export interface KeyLocks {
  run<T>(path: string, work: () => Promise<T>): Promise<T>
}

export function createKeyLocks(): KeyLocks {
  const tails = new Map<string, Promise<unknown>>()
  return {
    run(path, work) {
      const before = tails.get(path)
      const mine = before === undefined ? work() : before.then(work, work)
      tails.set(path, mine)
      const forget = (): void => {
        if (tails.get(path) === mine) tails.delete(path)
      }
      mine.then(forget, forget)
      return mine
    },
  }
}
