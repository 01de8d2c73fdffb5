/** What the shell learns. */
export type ExitCode = 0 | 1 | 2 | 3

export const DONE: ExitCode = 0
export const FAILED: ExitCode = 1
/** Wrong command, option, argument or configuration: nothing was tried. */
export const WRONG_USAGE: ExitCode = 2
/** The command worked, and found damage: verify, rebuild, doctor, health. */
export const FOUND_DAMAGE: ExitCode = 3

/** A failure after something was done: never told as wrong usage, of which nothing was tried. */
export class PartlyDone extends Error {
  override readonly name = 'PartlyDone'
  readonly failure: unknown
  constructor(failure: unknown) {
    super('a part was done')
    this.failure = failure
  }
}

/** The user stopped the command. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError'
}

/** The user asked for something that is no request: told in one sentence, with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
