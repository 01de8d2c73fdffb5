import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

export interface Writer {
  readonly child: ChildProcess
  /** Ends when the process has ended; never rejects. */
  readonly ended: Promise<unknown>
  /** Returns when no thread of it runs: calls under way have come back from the kernel. */
  stop(): Promise<void>
  resume(): void
  kill(): Promise<void>
}

export interface WriterOptions {
  readonly programs: string
  readonly subject: string
  readonly folder: string
  readonly journal: string
  /** Told apart by it: writers share no key. */
  readonly name: string
  readonly seed: number
  readonly lanes: number
  readonly acts?: number
}

export function startWriter(options: WriterOptions): Writer {
  const { programs, subject, folder, journal, name, seed, lanes, acts } = options
  const program = join(programs, 'writer.program.js')
  const args = [program, subject, folder, journal, name, seed, lanes, acts ?? ''].map(String)
  return writerOf(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }))
}

export function writerOf(child: ChildProcess): Writer {
  const ended = once(child, 'exit').catch((error: unknown) => error)
  return {
    child,
    ended,
    async stop() {
      child.kill('SIGSTOP')
      while (!isStopped(child)) await setTimeout(1)
    },
    resume: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Every thread, because a signal stops a thread that waits for the disk only when it returns from there. */
function isStopped({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (pid === undefined || exitCode !== null || signalCode !== null) return true
  try {
    return threadsOf(pid).every((stat) => /^[TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2)))
  } catch {
    return false // a thread ended while it was looked at
  }
}

function threadsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'),
  )
}
