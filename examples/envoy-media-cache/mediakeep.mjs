import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../bin/mediakeep.js', import.meta.resolve('mediakeep')))

/** The command line in a process of its own, by the settings in `folder`. */
export function spawnMediakeep(args, { folder, env }) {
  return spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Resolves when the command has done what it was asked for. */
export async function runMediakeep(args, options) {
  const child = spawnMediakeep(args, options)
  child.stdout.resume()
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`mediakeep ${args.join(' ')} ended with ${code}`)
}
