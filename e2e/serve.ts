import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { run } from '../packages/cli/src/program.ts'

export interface Served {
  readonly address: string
  stop(): Promise<number>
}

/** `mediakeep serve` in this process, on a free port, with what stands in the folder. */
export async function serve(folder: string, env: Readonly<Record<string, string>>): Promise<Served> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  let stop: (() => void) | undefined
  const ended = run(['serve', '--port', '0', '--json'], {
    stdin: Readable.from([]),
    stdout,
    stderr: stderr.resume(),
    env,
    cwd: folder,
    onStop(callback) {
      stop = callback
      return () => {}
    },
  })
  const [line] = (await Promise.race([
    once(stdout, 'data'),
    ended.then((code) => [`{"ended":${code}}`]),
  ])) as [Buffer | string]
  const { listening } = JSON.parse(line.toString()) as { listening?: string }
  if (listening === undefined) throw new Error(`serve did not start: ${line.toString()}`)
  return {
    address: listening,
    stop() {
      stop?.()
      return ended
    },
  }
}
