import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../scripts/lib/programs.mjs'

const MODULES = [
  'github.com/envoyproxy/go-control-plane/envoy@v1.32.4',
  'google.golang.org/grpc@v1.72.0',
  'google.golang.org/protobuf@v1.36.6',
]

/** The program of main.go, built once into the user's cache; undefined, with the reason said, where it cannot be. */
export function buildGo(say) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mediakeep/bin')
  const program = join(cache, 'bench-ext-authz')
  if (existsSync(program)) return program
  if (findProgram('go') === undefined) {
    say('Go is not installed: its row is absent')
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-go-'))
  const go = (...args) =>
    spawnSync('go', args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      env: process.env,
    })
  try {
    mkdirSync(cache, { recursive: true })
    copyFileSync(join(import.meta.dirname, 'main.go'), join(folder, 'main.go'))
    for (const args of [
      ['mod', 'init', 'bench'],
      ['get', ...MODULES],
      ['build', '-o', program, '.'],
    ]) {
      const { status, stderr } = go(...args)
      if (status === 0) continue
      say(`go ${args[0]} failed, so its row is absent: ${stderr.trim().split('\n').at(-1)}`)
      return undefined
    }
    return program
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
