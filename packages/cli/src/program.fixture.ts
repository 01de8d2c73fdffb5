import { PassThrough, Readable } from 'node:stream'
import { run } from './program.ts'

/** What a command line answered. */
export interface Answer {
  readonly code: number
  readonly out: string
  readonly bytes: Buffer
  readonly err: string
}

export const NO_ENV: Readonly<Record<string, string | undefined>> = {}

export interface RunOptions {
  readonly stdin?: Buffer
  readonly env?: typeof NO_ENV
  readonly terminal?: boolean
  /** Gets what a Ctrl-C would call. */
  readonly onStop?: (stop: () => void) => void
  /** Gets what is written to standard output, as it comes. */
  readonly onOut?: (text: string) => void
}

/** Runs one command line in `folder`. */
export async function runIn(
  folder: string,
  args: readonly string[],
  { stdin, env = NO_ENV, terminal = false, onStop, onOut }: RunOptions = {},
): Promise<Answer> {
  const [stdout, stderr] = [
    new PassThrough(),
    Object.assign(new PassThrough(), { isTTY: terminal, columns: 80 }),
  ]
  if (onOut !== undefined) stdout.on('data', (chunk: Buffer) => onOut(chunk.toString()))
  const [out, err] = [collect(stdout), collect(stderr)]
  const code = await run(args, {
    stdin: Readable.from(stdin === undefined ? [] : [stdin]),
    stdout,
    stderr,
    env,
    cwd: folder,
    onStop(stop) {
      onStop?.(stop)
      return () => {}
    },
  })
  stdout.end()
  stderr.end()
  const bytes = await out
  return { code, out: bytes.toString(), bytes, err: (await err).toString() }
}

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
