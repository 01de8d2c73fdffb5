import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** The uploads example as people start it, over one folder. */
export interface ExampleServer extends AsyncDisposable {
  readonly port: number
  /** `kill -9`, and the same folder and port again. */
  killAndRestart(): Promise<void>
}

export async function startExampleServer(root: string, folder: string): Promise<ExampleServer> {
  const launch = async (port: number): Promise<{ child: ChildProcess; port: number }> => {
    const child = spawn(process.execPath, [join(root, 'examples/uploads/server.mjs')], {
      env: { ...process.env, PORT: `${port}`, MEDIAKEEP_DATA: folder, MINIO_ENDPOINT: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
      child.stdout?.on('data', (line: Buffer) => {
        const told = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]
        if (told !== undefined) resolve({ child, port: Number(told) })
      })
    })
  }
  const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  let running = await launch(0)
  const { port } = running
  return {
    port,
    async killAndRestart() {
      await end(running.child, 'SIGKILL')
      running = await launch(port)
    },
    [Symbol.asyncDispose]: () => end(running.child, 'SIGTERM'),
  }
}
