import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from './build.mjs'
import { rootFolder } from './root.mjs'
import { runNode, runPnpm } from './run.mjs'

const stampFile = join(rootFolder, 'node_modules/.mediakeep-setup.json')
const HEARTBEAT_MS = 15_000

const say = (line) => console.error(`setup: ${line}`)

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'))
  } catch {
    return {} // Absent or unreadable: everything is done again.
  }
}

function writeStamp(change) {
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, JSON.stringify({ ...readStamp(), ...change }))
}

/** package.json of the root and of every workspace folder. */
function manifests() {
  const nested = ['packages', 'examples', 'e2e'].flatMap((parent) =>
    existsSync(join(rootFolder, parent))
      ? readdirSync(join(rootFolder, parent)).map((name) => `${parent}/${name}/package.json`)
      : [],
  )
  return ['package.json', 'bench/package.json', 'torture/package.json', ...nested]
}

/** Changes when an install would give something else: other dependencies, or another Node for native modules. */
function installKey() {
  const hash = createHash('sha256').update(
    `modules ${process.versions.modules} ${process.platform}-${process.arch}\n`,
  )
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc', ...manifests()]) {
    const path = join(rootFolder, file)
    if (existsSync(path)) hash.update(`${file}\n`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

/**
 * Headers for native modules. A `nodedir` in somebody's npmrc holds for every Node, and a module built with the
 * headers of another one installs without a word and does not load: name those beside this Node, where they are.
 */
function nativeBuildEnv() {
  const prefix = dirname(dirname(process.execPath))
  return existsSync(join(prefix, 'include/node/node_version.h')) ? { npm_config_nodedir: prefix } : {}
}

/** Runs the work, saying every few seconds that it goes on: a first install compiles for a minute in silence. */
async function withHeartbeat(what, work) {
  const startedMs = Date.now()
  const timer = setInterval(() => {
    say(`still ${what} (${Math.round((Date.now() - startedMs) / 1000)} s)`)
  }, HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

const opensSqlite = `new (require('better-sqlite3'))(':memory:').close()`

async function sqliteOpens() {
  const adapters = join(rootFolder, 'packages/adapters/package.json')
  const script = `const require = process.getBuiltinModule('node:module').createRequire(${JSON.stringify(adapters)});${opensSqlite}`
  return (await runNode(['-e', script], { stdio: 'ignore' })) === 0
}

const hasNodeSqlite = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 13)
}

async function install() {
  const key = installKey()
  if (readStamp().install === key) return false
  say('installing dependencies (the first time takes a few minutes: downloads and one native module)')
  const args = ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false']
  if (!process.stdout.isTTY) args.push('--reporter=append-only')
  const env = nativeBuildEnv()
  let code = await withHeartbeat('installing', () => runPnpm(args, { env }))
  if (code !== 0 && process.env.CI !== 'true' && hasNodeSqlite()) {
    say('that failed; once more without native modules, for this Node has its own SQLite')
    code = await withHeartbeat('installing', () => runPnpm([...args, '--ignore-scripts'], { env }))
  } else if (code === 0 && !(await sqliteOpens())) {
    // Same packages, other Node: pnpm sees nothing to do, the module on disk is for the Node before.
    say('building the native SQLite module for this Node')
    code = await withHeartbeat('building', () => runPnpm(['-r', 'rebuild', 'better-sqlite3'], { env }))
    if (code === 0 && !(await sqliteOpens()) && !hasNodeSqlite()) code = 1
  }
  if (code !== 0) {
    throw new Error(
      hasNodeSqlite()
        ? 'setup: pnpm install failed; its reason stands above'
        : 'setup: pnpm install failed; its reason stands above. On Node 20 SQLite is a native module: it needs its ' +
            'prebuilt file from the network, or python3, make and g++ to compile it. Node 22.13 and later need neither',
    )
  }
  writeStamp({ install: key, javaScriptMs: 0, declarationsMs: 0 })
  return true
}

/** Newest change of what the build reads; folders count too, so that a deleted file is seen. */
function newestSourceMs() {
  let newestMs = 0
  const visit = (path) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined || /\.test(-d)?\.ts$/.test(path)) return
    newestMs = Math.max(newestMs, stats.mtimeMs)
    if (stats.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
  }
  for (const file of ['tsup.config.ts', 'tsconfig.base.json', 'tsconfig.json', 'scripts/lib/build.mjs']) {
    visit(join(rootFolder, file))
  }
  for (const name of readdirSync(join(rootFolder, 'packages'))) {
    for (const part of ['src', 'package.json', 'tsconfig.json'])
      visit(join(rootFolder, 'packages', name, part))
  }
  return newestMs
}

const isBuilt = (name) => {
  const folder = join(rootFolder, 'packages', name)
  return !existsSync(join(folder, 'src')) || existsSync(join(folder, 'dist'))
}

async function buildIfOlder({ declarations }) {
  const stamp = readStamp()
  const builtMs = declarations ? stamp.declarationsMs : stamp.javaScriptMs
  const complete = readdirSync(join(rootFolder, 'packages')).every(isBuilt)
  if (complete && builtMs > newestSourceMs()) return
  const startedMs = Date.now()
  say('building the packages')
  await withHeartbeat('building', () => build({ declarations }))
  writeStamp({ javaScriptMs: startedMs, ...(declarations && { declarationsMs: startedMs }) })
}

/**
 * Brings a clone to the point where everything runs: dependencies installed, packages built.
 * A second call with nothing changed costs a few milliseconds.
 * @throws Error with what to do when a step failed.
 */
export async function setUp({ declarations = true } = {}) {
  const startedMs = Date.now()
  const installed = await install()
  await buildIfOlder({ declarations })
  if (installed) say(`ready after ${Math.round((Date.now() - startedMs) / 1000)} s`)
}
