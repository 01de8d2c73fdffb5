// Real S3 servers for tests and benchmarks: built from the Go module proxy into a cache outside the repository, started on free
// loopback ports over a temporary folder, stopped by process id.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findProgram, pathFolders } from './programs.mjs'

export const objectServers = {
  minio: {
    module: 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c',
    reason: 'an S3 server as hosts run it',
  },
  versitygw: {
    module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
    reason: 'a second S3 server, so that no adapter fits one only',
  },
}

const READY_MS = 60_000
const STOP_MS = 10_000

function cacheFolder() {
  return process.env.GOBIN || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mediakeep/bin')
}

/** Where the program is: the cache, then PATH; undefined when it is not installed. */
export function findServer(name) {
  return findProgram(name, [cacheFolder(), ...pathFolders()])
}

/** Why tests against this server cannot run here; undefined when they can. */
export function missingServer(name) {
  return findServer(name) === undefined ? `${name} is not installed: run node scripts/servers.mjs` : undefined
}

/** Builds the program where it is missing; says whether it is there afterwards. Takes minutes the first time. */
export function buildServer(name, print = console.log) {
  if (findServer(name) !== undefined) return true
  const folder = cacheFolder()
  mkdirSync(folder, { recursive: true })
  print(`servers: building ${name}, which takes minutes the first time`)
  const { status, error } = spawnSync('go', ['install', objectServers[name].module], {
    stdio: 'inherit',
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'auto', CGO_ENABLED: '0' },
  })
  if (error !== undefined) print(`servers: ${name} needs the Go toolchain: ${error.message}`)
  return status === 0 && findServer(name) !== undefined
}

/** A port that was free a moment ago. */
async function freePort() {
  const server = createServer()
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * One running server.
 * @typedef {{ endpoint: string, host: string, port: number, accessKeyId: string, secretAccessKey: string, region: string, folder: string, pid: number, stop(): Promise<void>, kill(): Promise<void>, restart(): Promise<void> }} ObjectServer
 */
async function startServer(name, argumentsOf, envOf, readyPath) {
  const program = findServer(name)
  if (program === undefined) throw new Error(missingServer(name))
  const parent = mkdtempSync(join(tmpdir(), `mediakeep-${name}-`))
  const folder = join(parent, 'data')
  mkdirSync(folder)
  const accessKeyId = 'mediakeep-test'
  const secretAccessKey = randomBytes(24).toString('base64url')
  const port = await freePort()
  let child
  let output = ''

  const removeFolder = () => rmSync(parent, { recursive: true, force: true, maxRetries: 5 })
  // A suite that dies must leave neither server nor folder behind.
  const leaveNothing = () => {
    child?.kill('SIGKILL')
    removeFolder()
  }
  process.once('exit', leaveNothing)

  async function launch() {
    output = ''
    child = spawn(program, argumentsOf({ port, folder, parent }), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...envOf({ accessKeyId, secretAccessKey }) },
    })
    const started = child
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk) => {
        output = (output + chunk).slice(-8_000)
      })
    const endMs = Date.now() + READY_MS
    while (!(await answers(`http://127.0.0.1:${port}${readyPath}`))) {
      if (started.exitCode !== null || started.signalCode !== null || Date.now() > endMs) {
        started.kill('SIGKILL')
        throw new Error(`${name} did not come up:\n${output}`)
      }
      await delay(50)
    }
  }

  async function end(signal) {
    const ending = child
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
  }

  try {
    await launch()
  } catch (error) {
    process.off('exit', leaveNothing)
    removeFolder()
    throw error
  }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    accessKeyId,
    secretAccessKey,
    region: 'us-east-1',
    folder,
    get pid() {
      return child.pid
    },
    /** Ends it and removes its folder. */
    async stop() {
      await end('SIGTERM')
      process.off('exit', leaveNothing)
      removeFolder()
    },
    /** Ends it at once, as a power cut would; its folder stays. */
    kill: () => end('SIGKILL'),
    /** Starts it again on the same port and folder. */
    restart: launch,
  }
}

async function answers(url) {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return status < 500
  } catch {
    return false
  }
}

/** @returns {Promise<ObjectServer>} */
export function startMinio() {
  return startServer(
    'minio',
    ({ port, folder }) => [
      'server',
      '--quiet',
      '--address',
      `127.0.0.1:${port}`,
      '--console-address',
      '127.0.0.1:0',
      folder,
    ],
    ({ accessKeyId, secretAccessKey }) => ({
      MINIO_ROOT_USER: accessKeyId,
      MINIO_ROOT_PASSWORD: secretAccessKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    }),
    '/minio/health/ready',
  )
}

/** @returns {Promise<ObjectServer>} */
export function startVersitygw() {
  return startServer(
    'versitygw',
    ({ port, folder }) => ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', 'posix', folder],
    ({ accessKeyId, secretAccessKey }) => ({
      ROOT_ACCESS_KEY: accessKeyId,
      ROOT_SECRET_KEY: secretAccessKey,
    }),
    '/health',
  )
}
