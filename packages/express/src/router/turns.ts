/** A place in the line of those who write under one name. */
export interface Turn {
  /** Resolves when all who came before have ended. */
  readonly reached: Promise<void>
  /** Lets the next one go on; also for one who gave up before it was reached. */
  end(): void
}

/** Lines by name, in this process. */
export interface Turns {
  take(name: string): Turn
}

export function createTurns(): Turns {
  const tails = new Map<string, Promise<void>>()
  return {
    take(name) {
      const reached = tails.get(name) ?? Promise.resolve()
      let end = (): void => undefined
      const mine = new Promise<void>((resolve) => {
        end = resolve
      })
      const tail = reached.then(() => mine)
      tails.set(name, tail)
      void tail.then(() => {
        if (tails.get(name) === tail) tails.delete(name)
      })
      return { reached, end }
    },
  }
}
