import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findProgram, pathFolders } from './lib/programs.mjs'

/*
 * A PostgreSQL of its own for tests and benchmarks: a new folder, a socket in it and no port, gone when it is stopped.
 * Its texts sort by a language, as those of most databases do, so that what must sort by bytes has to say so.
 */

/** Debian keeps each version in a folder of its own, off the PATH. */
const debianFolder = '/usr/lib/postgresql'
const user = 'mediakeep'
/** Ends the server and removes its folder at the end of its own input. */
const guard =
  'folder=$1; shift; "$@" < /dev/null & server=$!; cat > /dev/null; kill -QUIT $server; wait $server; rm -rf "$folder"'
const port = 5432

/** Folders beside the PATH that hold PostgreSQL, the newest first. */
export function postgresFolders() {
  try {
    const versions = readdirSync(debianFolder).sort((one, other) => Number(other) - Number(one))
    return versions.map((version) => join(debianFolder, version, 'bin'))
  } catch {
    return []
  }
}

const findCommand = (command) => findProgram(command, [...pathFolders(), ...postgresFolders()])

/** Why no server can be started here; `undefined` when one can. */
export function missingPostgresReason() {
  const missing = ['initdb', 'postgres'].filter((command) => findCommand(command) === undefined)
  return missing.length === 0
    ? undefined
    : `PostgreSQL needs ${missing.join(' and ')}: node scripts/servers.mjs installs it on Debian`
}

/** The server refuses to run as root. */
function servant() {
  if (process.getuid?.() !== 0) return {}
  const idOf = (option) => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/**
 * Starts a server and resolves when it takes connections. `durable: false` (default) syncs nothing: for tests that lose
 * no power. With true it syncs as a server of production does.
 */
export async function startPostgres({ durable = false, settings = {} } = {}) {
  const reason = missingPostgresReason()
  if (reason !== undefined) throw new Error(reason)
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-pg-'))
  const as = servant()
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid)
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  const data = join(folder, 'data')
  try {
    const language = ['--locale-provider=icu', '--icu-locale=en-US', '--encoding=UTF8']
    const initdb = ['-D', data, '-U', user, '--auth=trust', '--no-sync', '--no-instructions', ...language]
    execFileSync(findCommand('initdb'), initdb, { ...as, env, cwd: folder, stdio: 'pipe' })
  } catch (error) {
    remove()
    throw error
  }
  const sync = durable ? 'on' : 'off'
  const given = {
    listen_addresses: '',
    unix_socket_directories: folder,
    port,
    fsync: sync,
    full_page_writes: sync,
    max_connections: 60,
    shared_buffers: '64MB',
    logging_collector: 'off',
    ...settings,
  }
  const options = Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // A shell between us and the server: when our end of its input is closed, also because we are dead, it ends both.
  const child = spawn('sh', ['-c', guard, 'sh', folder, findCommand('postgres'), '-D', data, ...options], {
    ...as,
    env,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const lines = []
  const output = createInterface({ input: child.stderr })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.stdin.end()
    await ended
    remove()
  }
  try {
    await new Promise((resolve, reject) => {
      output.on('line', (line) => {
        if (lines.length < 100) lines.push(line)
        if (line.includes('ready to accept connections')) resolve()
        else if (/FATAL|PANIC/.test(line)) reject(new Error(`PostgreSQL did not start:\n${lines.join('\n')}`))
      })
      child.once('error', reject)
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { connection: { host: folder, port, user, database: 'postgres' }, stop }
}
