import type { Readable, Writable } from 'node:stream'

/** What a command may touch of the world around it; tests give their own. */
export interface Streams {
  readonly stdin: Readable
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Calls back at SIGTERM and SIGINT until the returned function is called. */
  onStop(stop: () => void): () => void
}

export function processStreams(): Streams {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    onStop(stop) {
      process.on('SIGTERM', stop).on('SIGINT', stop)
      return () => void process.off('SIGTERM', stop).off('SIGINT', stop)
    },
  }
}
