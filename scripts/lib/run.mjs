import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { rootFolder } from './root.mjs'

/**
 * Runs Node with these arguments at the root, its output going where ours goes.
 * Resolves with the exit code; a child ended by a signal counts as 1.
 */
export function runNode(args, { env = {}, stdio = 'inherit' } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: rootFolder, stdio, env: { ...process.env, ...env } })
    // A terminal signals the whole group, `kill` only us: pass it on, so that no child outlives this script.
    const forward = (signal) => child.kill(signal)
    process.on('SIGINT', forward).on('SIGTERM', forward)
    child.once('error', reject)
    child.once('exit', (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward)
      resolve(code ?? 1)
    })
  })
}

/** Path of a tool's own JavaScript entry: started with this Node, without a shell and without a .bin link. */
export function toolPath(packageName, bin = packageName) {
  const require = createRequire(join(rootFolder, 'package.json'))
  const manifest = join(rootFolder, 'node_modules', packageName, 'package.json')
  const declared = require(manifest).bin
  return join(manifest, '..', typeof declared === 'string' ? declared : declared[bin])
}

/** Runs a tool of the root's devDependencies; resolves with its exit code. */
export function runTool(packageName, args, { bin, ...options } = {}) {
  return runNode([toolPath(packageName, bin), ...args], options)
}

/**
 * Runs pnpm in the version that package.json names, through npm: a machine with only Node and npm has both.
 * Returns the exit code and what was printed.
 */
export function runPnpm(version, args, { env = {}, cwd = rootFolder, stdio = 'inherit' } = {}) {
  const npm = process.env.npm_execpath
  const npmArgs = ['exec', '--yes', '--', `pnpm@${version}`, ...args]
  const options = { cwd, stdio, encoding: 'utf8', env: { ...process.env, ...env } }
  // npm_execpath may also name pnpm, when a script was started by it.
  const started =
    npm !== undefined && /npm-cli\.c?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...npmArgs], options)
      : spawnSync('npm', npmArgs, { ...options, shell: process.platform === 'win32' })
  if (started.error !== undefined) throw started.error
  return { code: started.status ?? 1, stdout: started.stdout ?? '', stderr: started.stderr ?? '' }
}
