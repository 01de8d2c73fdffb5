/** Answers that threads of this process have given, whichever catalog's: behind each may be a commit. */
let answers = 0

/** A thread has answered. */
export function noteAnswer(): void {
  answers += 1
}

/** The version of a database, asked at most once a turn of the event loop. */
export interface TurnVersion {
  read(ask: () => number): number
}

/**
 * Asking costs a statement, and a busy server reads many records in one turn.
 *
 * What was learned in this turn is still exact: whoever knows of a newer commit learned of it through an event. A commit
 * of this process comes with an answer of its thread, which is counted. News of another process comes from outside,
 * and what comes in this turn had come before the version was asked.
 */
export function createTurnVersion(): TurnVersion {
  let seen: number | undefined
  let seenAnswers = 0
  const forget = (): void => {
    seen = undefined
  }
  return {
    read(ask) {
      if (seen !== undefined && seenAnswers === answers) return seen
      if (seen === undefined) setImmediate(forget)
      seenAnswers = answers
      seen = ask()
      return seen
    },
  }
}
