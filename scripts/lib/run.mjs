import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { rootFolder } from './root.mjs'

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Runs a command at the root; resolves with its exit code, a child ended by a signal counting as 1.
 * With `ownGroup` the child leads a process group and a stop signal goes to all of it: npm starts its commands
 * through a shell, which would leave them behind. When we are told to stop, we do so once the child has.
 */
function run(command, args, { env = {}, stdio = 'inherit', ownGroup = false, shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: rootFolder,
      stdio,
      shell,
      detached: ownGroup,
      env: { ...process.env, ...env },
    })
    let stoppedBy
    const forward = (signal) => {
      stoppedBy = signal
      // Ctrl-C on a terminal has reached a child of our own group already.
      if (ownGroup) process.kill(-child.pid, signal)
      else if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    for (const signal of stopSignals) process.on(signal, forward)
    const forget = () => {
      for (const signal of stopSignals) process.off(signal, forward)
    }
    child.once('error', (error) => {
      forget()
      reject(error)
    })
    child.once('exit', (code) => {
      forget()
      if (stoppedBy !== undefined) process.exit(128 + constants.signals[stoppedBy])
      resolve(code ?? 1)
    })
  })
}

/** Runs Node with these arguments at the root; resolves with the exit code. */
export function runNode(args, options = {}) {
  return run(process.execPath, args, options)
}

/** Path of a tool's own JavaScript entry: started with this Node, without a shell and without a .bin link. */
export function toolPath(packageName, bin = packageName) {
  const folder = join(rootFolder, 'node_modules', packageName)
  const declared = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).bin
  return join(folder, typeof declared === 'string' ? declared : declared[bin])
}

/** Runs a tool of the root's devDependencies; resolves with its exit code. */
export function runTool(packageName, args, { bin, ...options } = {}) {
  return runNode([toolPath(packageName, bin), ...args], options)
}

/** What to start to get pnpm in the version package.json names, on a machine that has only Node and npm. */
export function pnpmCommand() {
  const { packageManager } = JSON.parse(readFileSync(join(rootFolder, 'package.json'), 'utf8'))
  const pnpm = ['exec', '--yes', '--', packageManager]
  const npm = process.env.npm_execpath
  // npm_execpath may also name pnpm, when a script was started by it.
  if (npm !== undefined && /npm-cli\.c?js$/.test(npm)) {
    return { command: process.execPath, args: [npm, ...pnpm], shell: false }
  }
  return { command: 'npm', args: pnpm, shell: process.platform === 'win32' }
}

/** Runs pnpm at the root; resolves with the exit code. */
export function runPnpm(args, { env = {} } = {}) {
  const pnpm = pnpmCommand()
  return run(pnpm.command, [...pnpm.args, ...args], {
    env,
    shell: pnpm.shell,
    // No terminal to ask on: a background group that reads one would be stopped.
    stdio: ['ignore', 'inherit', 'inherit'],
    ownGroup: process.platform !== 'win32',
  })
}
