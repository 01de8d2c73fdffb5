import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

/** Servers of our own for tests: on a free port of the loopback address, in a folder of their own, gone with whoever started them. */
export const HOST = '127.0.0.1'

/** Ends the server, also one that stands still, and removes its folder at the end of its own input. Nobody may hear it any more. */
const guard =
  'folder=$1; shift; "$@" < /dev/null & server=$!; echo "pid $server"; cat > /dev/null; exec 2> /dev/null; kill -KILL $server; wait $server; rm -rf "$folder"'

/** Starts on a port that is free; `above`: so far above it a second one is needed. Another try where somebody else was faster. */
export async function onFreePort(start, { above = 0, taken = /in use/ } = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort(above))
    } catch (error) {
      if (tries === 5 || !taken.test(error.message)) throw error
    }
  }
}

async function freePort(above) {
  for (;;) {
    const server = createServer().listen(0, HOST)
    await once(server, 'listening')
    const { port } = server.address()
    server.close()
    await once(server, 'close')
    if (port + above < 65_536) return port
  }
}

/**
 * Starts a program behind a shell, which ends it when our end of its input is closed, also because we are dead. Resolves when it
 * says a line that is `ready`, rejects with what it said at one that is `failed`, or when it ends.
 */
export async function startOwnServer({ name, folder, command, env = process.env, ready, failed }) {
  const child = spawn('sh', ['-c', guard, 'sh', folder, ...command], { cwd: folder, env, stdio: 'pipe' })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.stdin.end()
    await ended
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const lines = []
  let pid
  try {
    await new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`${name} did not start:\n${lines.join('\n')}`))
      child.once('error', reject)
      child.once('exit', fail)
      for (const output of [child.stdout, child.stderr])
        createInterface({ input: output }).on('line', (line) => {
          if (line.startsWith('pid ')) pid = Number(line.slice(4))
          if (lines.length < 200) lines.push(line)
          if (ready.test(line)) resolve()
          else if (failed.test(line)) fail()
        })
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { pid, stop }
}
