import { isMediaError, stayAwake } from '@mediakeep/core'
import { Command, CommanderError } from 'commander'
import { addCommands, type Work } from './commands/add-commands.ts'
import { loadConfig } from './config/load.ts'
import {
  DONE,
  type ExitCode,
  FAILED,
  PartlyDone,
  StoppedError,
  UsageError,
  WRONG_USAGE,
} from './exit-codes.ts'
import { createOutput, isUnreadError, printable } from './terminal/output.ts'
import { createProgress } from './terminal/progress.ts'
import type { Streams } from './terminal/streams.ts'
import { version } from './version.ts'

interface GlobalFlags {
  readonly config?: string
  readonly data?: string
  readonly namespace?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly port?: string
  readonly host?: string
}

/**
 * Runs one command line to its end. Never throws: failures are told on stderr and by the exit code
 * (0 done, 1 failed, 2 wrong usage, 3 found damage).
 */
export async function run(args: readonly string[], streams: Streams): Promise<ExitCode> {
  let code: ExitCode = DONE
  const json = asksForJson(args)
  // Timers of stores let a process end, and a pause between two reads may be all that is under way.
  const sleep = stayAwake()
  const forget = noteFailedWrites(streams, () => {
    code = FAILED
  })
  const program = createProgram(streams, json, async (flags, work) => {
    code = await runCommand(streams, flags, work)
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    await afterWrites(streams)
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) {
      await afterWrites(streams)
      return code
    }
    if (json) tellFailure(json, streams, new UsageError(sentenceOf(error)))
    return WRONG_USAGE
  } finally {
    forget()
    sleep()
  }
}

/** Before options are read: what is wrong with them is told in JSON, too. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end === -1 ? args : args.slice(0, end)).includes('--json')
}

/** A stream that fails with nobody listening would end the process by a stack trace. */
function noteFailedWrites({ stdout, stderr }: Streams, onFailure: () => void): () => void {
  const onOut = (error: Error): void => {
    if (!isUnreadError(error)) onFailure()
  }
  const onErr = (): void => {} // there is nowhere left to tell it
  stdout.on('error', onOut)
  stderr.on('error', onErr)
  return () => {
    stdout.off('error', onOut)
    stderr.off('error', onErr)
  }
}

/** When what was written has failed or not. */
function afterWrites({ stdout }: Streams): Promise<void> {
  return new Promise((resolve) => stdout.write('', () => setImmediate(resolve)))
}

/** Without the help that follows on a terminal. */
const sentenceOf = ({ code, message }: CommanderError): string =>
  code === 'commander.help' ? 'give a command; mediakeep --help tells them' : message.replace(/^error: /, '')

async function runCommand(streams: Streams, flags: GlobalFlags, work: Work): Promise<ExitCode> {
  const output = createOutput(streams, { json: flags.json === true, quiet: flags.quiet === true })
  const stop = new AbortController()
  const forget = streams.onStop(() => stop.abort(new StoppedError('stopped by a signal')))
  try {
    const { data, namespace, port, host } = flags
    const config = await loadConfig({
      cwd: streams.cwd,
      env: streams.env,
      file: flags.config,
      flags: { data, namespace, port, host },
    })
    const progress = createProgress(streams, output.json || output.quiet)
    return await work({ config, output, progress, streams, signal: stop.signal })
  } catch (error) {
    if (!(error instanceof PartlyDone)) return tellFailure(output.json, streams, error)
    tellFailure(output.json, streams, error.failure)
    return FAILED
  } finally {
    forget()
  }
}

function tellFailure(json: boolean, { stderr }: Streams, error: unknown): ExitCode {
  const usage = error instanceof UsageError
  const message = error instanceof Error ? error.message : String(error)
  const code = isMediaError(error) ? error.code : usage ? 'USAGE' : 'FAILED'
  if (json)
    stderr.write(
      `${JSON.stringify({ error: { code, ...(isMediaError(error) && error.reason !== undefined ? { reason: error.reason } : {}), message } })}\n`,
    )
  else stderr.write(`mediakeep: ${printable(message)}${isMediaError(error) ? ` (${code})` : ''}\n`)
  // Where in our sources helps with what we did not foresee alone.
  if (!json && isUnforeseen(error)) stderr.write(`${printable(error.stack ?? '')}\n`)
  return usage || isMediaError(error, 'MEDIA_BAD_INPUT') ? WRONG_USAGE : FAILED
}

/** What the system says, of a full disk for instance, is no fault of the program. */
const isUnforeseen = (error: unknown): error is Error =>
  error instanceof Error &&
  !(error instanceof UsageError || error instanceof StoppedError || isMediaError(error)) &&
  !('syscall' in error)

function createProgram(
  { stdout, stderr }: Streams,
  json: boolean,
  start: (flags: GlobalFlags, work: Work) => Promise<void>,
): Command {
  const program = new Command('mediakeep')
    .description('Keeps media: stores each body once, verifies what it reads, serves it with ranges.')
    .version(version, '-V, --version', 'print the version')
    .option('--config <file>', 'settings, a .js or .json file')
    .option('--data <folder>', 'folder of media and records (default ./data)')
    .option('--namespace <name>', 'namespace to work in')
    .option('--json', 'answers as JSON, one document or one per line')
    .option('--quiet', 'no answers but failures')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // Failures are told as JSON where that is asked for.
      writeErr: (text) => {
        if (!json) stderr.write(printable(text))
      },
    })
    .showHelpAfterError('(mediakeep --help tells the commands)')
    .enablePositionalOptions(false)

  addCommands(program, (own, work) => start(own.optsWithGlobals<GlobalFlags>(), work))
  return program
}
