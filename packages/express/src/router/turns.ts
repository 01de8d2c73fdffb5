import { createKeyedLock } from '@mediakeep/core'

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
  const locks = createKeyedLock()
  return {
    take(name) {
      let reach = (): void => undefined
      let end = (): void => undefined
      const reached = new Promise<void>((resolve) => {
        reach = resolve
      })
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      void locks.run(name, () => {
        reach()
        return ended
      })
      return { reached, end }
    },
  }
}
