import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findProgram, pathFolders } from '../../scripts/lib/programs.mjs'

export interface RunningProxy {
  readonly port: number
  /** What it wrote to its log, for messages of tests. */
  log(): string
  stop(): Promise<void>
}

/** Where the parts behind a proxy listen, as `host:port`. */
export interface Addresses {
  readonly gate: string
  readonly content: string
  readonly bucket: string
}

const READY_MS = 20_000
const find = (command: string): string | undefined =>
  findProgram(command, [...pathFolders(), '/usr/sbin', '/usr/local/sbin', '/sbin'])

/** Why the proxy cannot be started here; `undefined` when it can. */
export function missingProxy(command: 'nginx' | 'caddy'): string | undefined {
  return find(command) === undefined
    ? `${command} is not installed: node scripts/servers.mjs installs it on Debian`
    : undefined
}

const sample = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../ops/${path}`, import.meta.url)), 'utf8')

/** nginx with `ops/nginx/media-gate.conf`, changed by `edit`. */
export async function startNginx(
  addresses: Addresses,
  edit: (text: string) => string = (text) => text,
): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-nginx-'))
  // Its worker is another user where it is started as root.
  await chmod(folder, 0o711)
  const port = await freePort()
  const values: Record<string, string> = { ...valuesOf(addresses), MEDIA_LISTEN: `127.0.0.1:${port}` }
  const site = edit(await sample('nginx/media-gate.conf')).replaceAll(
    /\$\{(MEDIA_[A-Z]+)\}/g,
    (_, name: string) => values[name] ?? '',
  )
  const root = process.getuid?.() === 0 ? 'user root;' : ''
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder};`,
  )
  const config = join(folder, 'nginx.conf')
  await writeFile(
    config,
    `daemon off; ${root} worker_processes 1; pid ${join(folder, 'pid')}; error_log stderr warn;
events { worker_connections 256; }
http { access_log off; ${folders.join(' ')}
${site}
}
`,
  )
  return run('nginx', ['-c', config, '-p', folder, '-e', 'stderr'], { folder, port })
}

/** Caddy with `ops/caddy/Caddyfile`, changed by `edit`. */
export async function startCaddy(
  addresses: Addresses,
  edit: (text: string) => string = (text) => text,
): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-caddy-'))
  const port = await freePort()
  const config = join(folder, 'Caddyfile')
  const global = '{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n'
  await writeFile(config, global + edit(await sample('caddy/Caddyfile')))
  const env = {
    ...valuesOf(addresses),
    MEDIA_SITE: `http://:${port}`,
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
  }
  return run('caddy', ['run', '--config', config, '--adapter', 'caddyfile'], { folder, port, env })
}

function valuesOf({ gate, content, bucket }: Addresses): Record<string, string> {
  return { MEDIA_GATE: gate, MEDIA_CONTENT: content, MEDIA_BUCKET: bucket }
}

async function run(
  command: string,
  args: readonly string[],
  { folder, port, env = {} }: { folder: string; port: number; env?: Record<string, string> },
): Promise<RunningProxy> {
  const program = find(command)
  if (program === undefined) throw new Error(`${command} is not installed`)
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-20_000)
    })
  // A suite that dies must leave no server behind.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    await end(child)
    process.off('exit', kill)
    await rm(folder, { recursive: true, force: true })
  }
  const endMs = Date.now() + READY_MS
  while (!(await answers(port))) {
    if (child.exitCode === null && Date.now() < endMs) await delay(30)
    else {
      await stop()
      throw new Error(`${command} did not start:\n${log}`)
    }
  }
  return { port, log: () => log, stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exited
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const answers = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    async (response) => {
      await response.arrayBuffer()
      return true
    },
    () => false,
  )
