import { execFile } from 'node:child_process'
import { pnpmCommand } from '../../scripts/lib/run.mjs'

export interface Finished {
  readonly code: number
  readonly stdout: string
  /** Both streams, for the message of a failed expectation. */
  readonly output: string
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const MAX_COMMAND_MS = 280_000

/** Runs a program to its end; a code other than 0 is a value here, for the test to judge. */
export function run(program: string, args: readonly string[], cwd: string): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      {
        cwd,
        encoding: 'utf8',
        maxBuffer: MAX_OUTPUT_BYTES,
        timeout: MAX_COMMAND_MS,
        // What vitest sets for its own workers must not reach the packages: they run as at a user's.
        env: { ...process.env, NODE_ENV: '', NODE_OPTIONS: '', FORCE_COLOR: '0' },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        const reason = error !== null && typeof error.code !== 'number' ? `${error.message}\n` : ''
        resolve({ code, stdout, output: `${reason}${stdout}${stderr}` })
      },
    )
  })
}

export function pnpm(args: readonly string[], cwd: string): Promise<Finished> {
  const { command, args: start } = pnpmCommand()
  return run(command, [...start, ...args], cwd)
}
