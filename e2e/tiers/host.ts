import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'

export interface HostOptions {
  readonly hostId: string
  readonly catalogFile: string
  readonly root: string
  readonly capacityBytes: number
  readonly bucket: object
}

/** A program in a process of its own. */
export interface Host {
  ask<Answer>(act: string, input?: object): Promise<Answer>
  /** What it has under way stands still with it at `SIGSTOP`, until `SIGCONT`. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** Ends it at once, without a word. */
  kill(): Promise<void>
  close(): Promise<void>
}

interface Told {
  readonly ready?: true
  readonly number?: number
  readonly answer?: unknown
  readonly failed?: string
}

export const startHost = (options: HostOptions): Promise<Host> =>
  startProgram(join(import.meta.dirname, 'host.program.mjs'), options)

/** @param options what it gets as its one argument, as JSON */
export async function startProgram(file: string, options: object): Promise<Host> {
  const child: ChildProcess = fork(file, [JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // The program reads the built packages, not what the test runner reads.
    execArgv: [],
  })
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  let number = 0
  let isOver = false
  const over = new Promise<void>((resolve) => {
    child.once('exit', () => {
      isOver = true
      for (const { reject } of waiting.values()) reject(new Error('the host has ended'))
      waiting.clear()
      resolve()
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`the host ended with ${code}`)))
  })
  child.on('message', (told: Told) => {
    const asked = told.number === undefined ? undefined : waiting.get(told.number)
    if (asked === undefined || told.number === undefined) return
    waiting.delete(told.number)
    if (told.failed === undefined) asked.resolve(told.answer)
    else asked.reject(new Error(told.failed))
  })
  const ask = <Answer>(act: string, input: object = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (isOver) {
        reject(new Error('the host has ended'))
        return
      }
      number += 1
      waiting.set(number, { resolve: (answer) => resolve(answer as Answer), reject })
      child.send({ number, act, input }, (error) => {
        if (error !== null) reject(error)
      })
    })
  return {
    ask,
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill('SIGKILL')
      await over
    },
    async close() {
      if (isOver) return
      await ask('close')
      await over
    },
  }
}
