import { fork, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const running = new Set()

/** Whether servers and load can each have a core of their own. */
export const canPin =
  process.platform === 'linux' &&
  availableParallelism() > 1 &&
  spawnSync('taskset', ['-c', '0', 'true']).status === 0

/** Servers run on the first core, whatever loads them on the second. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

function keep(child) {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/**
 * Starts a module of ours in a process of its own and waits for its first message.
 * Answers `{ child, pid, hello, ask(message), stop() }`; `ask` resolves with the next message.
 */
export async function startModule(path, args = [], { core, env = {}, execArgv = [] } = {}) {
  const options = {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
    serialization: 'advanced',
  }
  const profile = process.env.BENCH_NODE_OPTIONS?.split(' ') ?? []
  const command = [process.execPath, ...profile, ...execArgv, path, ...args]
  const child = keep(
    core !== undefined && canPin
      ? spawn('taskset', ['-c', String(core), ...command], options)
      : fork(path, args, { ...options, execArgv: [...profile, ...execArgv] }),
  )
  const hello = await nextMessage(child, path)
  return {
    child,
    pid: child.pid,
    hello,
    ask(message) {
      const answer = nextMessage(child, path)
      child.send(message)
      return answer
    },
    stop: () => stopProcess(child),
  }
}

function nextMessage(child, path) {
  return new Promise((resolve, reject) => {
    const settle = (act, value) => {
      child.off('message', onMessage).off('exit', onExit).off('error', onError)
      act(value)
    }
    const onMessage = (message) => {
      if (message?.failed !== undefined) settle(reject, new Error(message.failed))
      else settle(resolve, message)
    }
    const onExit = (code, signal) => settle(reject, new Error(`${path} ended early (${signal ?? code})`))
    const onError = (error) => settle(reject, error)
    child.on('message', onMessage).on('exit', onExit).on('error', onError)
  })
}

/** Starts a program that is not ours, such as nginx; stopped with the others. */
export function startProgram(command, args, { core } = {}) {
  const all =
    core !== undefined && canPin ? ['taskset', '-c', String(core), command, ...args] : [command, ...args]
  return keep(spawn(all[0], all.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] }))
}

/** Runs a program to its end; resolves with its standard output. */
export function runProgram(command, args, { core, env = {} } = {}) {
  const all =
    core !== undefined && canPin ? ['taskset', '-c', String(core), command, ...args] : [command, ...args]
  return new Promise((resolve, reject) => {
    const child = keep(
      spawn(all[0], all.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }),
    )
    let out = ''
    let complaint = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (complaint += chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`${command} ended with ${code}: ${complaint.trim() || out.trim()}`))
    })
  })
}

/** Ends a process that we started; after 5 s without grace. */
export function stopProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** Ends all that still run, at once: for the end of this process. */
export function killAll() {
  for (const child of running) child.kill('SIGKILL')
}

const TICKS_PER_SECOND = 100

/** User and system time of a process with all its threads so far, in seconds. Undefined where there is no /proc. */
export function cpuSeconds(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

/** `VmRSS` and `VmHWM` (its highest) in MiB; undefined where there is no /proc. */
export function memoryMiB(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1')
    const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024
    return { resident: read('VmRSS'), highest: read('VmHWM') }
  } catch {
    return undefined
  }
}
