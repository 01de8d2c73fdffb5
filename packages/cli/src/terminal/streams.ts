import type { Readable, Writable } from 'node:stream'

/** What a command may touch of the world around it; tests give their own. */
export interface Streams {
  readonly stdin: Readable
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Calls back at the first SIGTERM or SIGINT, until the returned function is called; a later one ends the process at once. */
  onStop(stop: () => void): () => void
}

/** npm and shells pass a Ctrl-C on to who has had it from the terminal: within this time it is the same one. */
const SAME_STOP_MS = 2_000

export function processStreams(): Streams {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    onStop(stop) {
      let firstMs: number | undefined
      const forget = (): void => void process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
      const onSignal = (signal: NodeJS.Signals): void => {
        if (firstMs === undefined) {
          firstMs = performance.now()
          stop()
        } else if (performance.now() - firstMs > SAME_STOP_MS) {
          forget()
          process.kill(process.pid, signal)
        }
      }
      process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
      return forget
    },
  }
}
