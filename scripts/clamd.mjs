import { createHash } from 'node:crypto'
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { HOST, onFreePort, startOwnServer } from './lib/own-server.mjs'
import { findProgram, pathFolders } from './lib/programs.mjs'

/*
 * A ClamAV daemon of its own for tests: a new folder, a unix socket in it and a free port of the loopback address, gone
 * when it is stopped. Its database is made here, of a few signatures: it needs nothing from anywhere, and loads at once.
 */

const MiB = 2 ** 20
const NAME = 'daily.cud'
// Debian keeps it in sbin, which is not on everybody's PATH.
const findClamd = () => findProgram('clamd', [...pathFolders(), '/usr/local/sbin', '/usr/sbin'])

/** Why no daemon can be started here; `undefined` when one can. */
export function missingClamdReason() {
  return findClamd() === undefined
    ? 'scanning needs clamd: node scripts/servers.mjs installs it on Debian'
    : undefined
}

/** The test file of all scanners. In pieces: scanners that look through these sources must not find it here. */
export function eicar() {
  const pieces = ['X5O!P%@AP[4\\PZX54(P^)', '7CC)7}$', 'EICAR', '-STANDARD-ANTI', 'VIRUS-TEST-FILE!', '$H+H*']
  return Buffer.from(pieces.join(''))
}

/** A database without a signature is none: one that nothing holds by chance. */
const filler = { name: 'Mediakeep.Filler', bytes: createHash('sha256').update('filler').digest() }
const usual = () => [{ name: 'Eicar-Test-Signature', bytes: eicar() }]

/** What ends in a database of a number, which the daemon tells when it is asked for its version. */
function databaseOf(number, signatures) {
  const lines = [...signatures, filler].map(
    ({ name, bytes }) => `${name}:0:*:${Buffer.from(bytes).toString('hex')}\n`,
  )
  const rows = Buffer.from(lines.join(''))
  const builtAt = Math.floor(Date.now() / 1_000)
  const header = `ClamAV-VDB:01 Jan 2026 00-00 +0000:${number}:${lines.length}:90:X:X:mediakeep:${builtAt}`
  const digest = createHash('sha256').update(rows).digest('hex')
  const info = Buffer.from(`${header}\ndaily.ndb:${rows.length}:${digest}\n`)
  const files = [
    ['COPYING', Buffer.from('made for a test\n')],
    ['daily.info', info],
    ['daily.ndb', rows],
  ]
  const archive = Buffer.concat([...files.map(([name, body]) => tarEntry(name, body)), Buffer.alloc(1_024)])
  return Buffer.concat([Buffer.from(header.padEnd(512)), gzipSync(archive)])
}

function tarEntry(name, body) {
  const head = Buffer.alloc(512)
  const octal = (value, digits) => `${value.toString(8).padStart(digits, '0')}\0`
  head.write(name, 0)
  head.write(octal(0o644, 7), 100)
  head.write(octal(0, 7), 108)
  head.write(octal(0, 7), 116)
  head.write(octal(body.length, 11), 124)
  head.write(octal(0, 11), 136)
  head.write(' '.repeat(8), 148)
  head.write('0', 156)
  head.write('ustar\x0000', 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${octal(sum, 6)} `, 148)
  return Buffer.concat([head, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
}

/** What the daemon answers to a command. */
async function ask(socketPath, command) {
  const socket = connect(socketPath)
  socket.setTimeout(10_000, () => socket.destroy(new Error(`clamd does not answer ${command}`)))
  socket.write(`z${command}\0`)
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer.replace(/\0$/, '')
}

/** Starts a daemon and resolves when it scans. `settings` are those of clamd.conf. */
export async function startClamd(options = {}) {
  const program = findClamd()
  if (program === undefined) throw new Error(missingClamdReason())
  return onFreePort((port) => startOn(port, program, options))
}

async function startOn(port, program, { signatures = usual(), maxStreamBytes = 100 * MiB, settings = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-clamd-'))
  const socketPath = join(folder, 'clamd.sock')
  const config = join(folder, 'clamd.conf')
  let number = 0
  const writeDatabase = (given) => {
    number += 1
    writeFileSync(join(folder, 'new'), databaseOf(number, given))
    renameSync(join(folder, 'new'), join(folder, NAME))
  }
  writeDatabase(signatures)
  const all = {
    DatabaseDirectory: folder,
    TemporaryDirectory: folder,
    TCPAddr: HOST,
    TCPSocket: port,
    LocalSocket: socketPath,
    Foreground: 'yes',
    SelfCheck: 0,
    StreamMaxLength: maxStreamBytes,
    // Without these two it calls clean what it did not look into.
    AlertExceedsMax: 'yes',
    AlertEncrypted: 'yes',
    ...settings,
  }
  writeFileSync(
    config,
    Object.entries(all)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  )
  const { pid, stop } = await startOwnServer({
    name: 'clamd',
    folder,
    command: [program, '-c', config],
    env: { ...process.env, TZ: 'UTC' },
    ready: /Self checking disabled/,
    failed: /^ERROR/,
  })
  try {
    await ask(socketPath, 'PING')
  } catch (error) {
    await stop()
    throw error
  }
  return {
    host: HOST,
    port,
    socketPath,
    pid,
    ask: (command) => ask(socketPath, command),
    pause: () => process.kill(pid, 'SIGSTOP'),
    resume: () => process.kill(pid, 'SIGCONT'),
    kill: () => process.kill(pid, 'SIGKILL'),
    /** Loads a database of other signatures, of the next number, and resolves when scans are done with it. */
    async reload(given = usual()) {
      writeDatabase(given)
      await ask(socketPath, 'RELOAD')
      while (!(await ask(socketPath, 'VERSION')).includes(`/${number}/`));
    },
    stop,
  }
}
