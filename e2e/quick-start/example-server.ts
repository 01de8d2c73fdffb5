import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const LISTENS = /listens on (http:\/\/\S+)/

export interface ExampleServer {
  readonly url: string
  readonly pid: number
  readonly child: ChildProcess
  /** All it has printed so far, both streams. */
  output(): string
  /** Sends the signal and waits for the end; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** A folder for one test's media; `remove` when done. */
export async function temporaryData(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'mediakeep-quick-start-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** What a command printed and how it ended, for those that end by themselves. */
export function spawnExample(
  env: Record<string, string>,
  example: 'quick-start' | 'uploads' = 'quick-start',
): { child: ChildProcess; output: () => string } {
  if (!existsSync(join(root, 'packages/cli/dist/index.js'))) {
    throw new Error('the packages are not built: run `npm run build` once, or the tests by `npm test`')
  }
  const child = spawn(process.execPath, [join(root, 'examples', example, 'server.mjs')], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { child, output: collect(child) }
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  return () => text
}

/** Resolves with the address once the child prints it. */
export function listening(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const url = LISTENS.exec(output())?.[1]
      if (url !== undefined) resolve(url)
    }
    child.stdout?.on('data', look)
    child.once('exit', (code) =>
      reject(new Error(`the server ended with ${code} before it listened:\n${output()}`)),
    )
  })
}

/** Starts the example as a user would, on a free port (or the given one). */
export async function startExample({
  data,
  port = '0',
  example = 'quick-start',
  env = {},
}: {
  data: string
  port?: string
  example?: 'quick-start' | 'uploads'
  env?: Record<string, string>
}): Promise<ExampleServer> {
  const { child, output } = spawnExample(
    { MINIO_ENDPOINT: '', ...env, PORT: port, MEDIAKEEP_DATA: data },
    example,
  )
  const url = await listening(child, output)
  return {
    url,
    pid: child.pid ?? 0,
    child,
    output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit')
        child.kill(signal)
        await ended
      }
      return child.exitCode
    },
  }
}

/** Number and bytes of the blobs on disk, of all or of one digest: files in the volume's shard folders. */
export async function blobsOnDisk(
  data: string,
  digest = 'sha256:',
): Promise<{ files: number; bytes: number }> {
  const names = await readdir(join(data, 'volume'), { recursive: true })
  let files = 0
  let bytes = 0
  for (const name of names) {
    // <2 hex>/<64 hex of the digest>.<placement id>
    if (!/(^|\/)[0-9a-f]{2}\/[0-9a-f]{64}\.[0-9a-z]+$/.test(name)) continue
    if (!basename(name).startsWith(digest.slice('sha256:'.length))) continue
    files += 1
    bytes += (await stat(join(data, 'volume', name))).size
  }
  return { files, bytes }
}
