import { isMediaError, stayAwake } from '@mediakeep/core'
import { Command, CommanderError } from 'commander'
import { type CollectFlags, collectCommand } from './commands/collect.ts'
import type { CommandContext } from './commands/context.ts'
import { doctorCommand } from './commands/doctor.ts'
import { importBucketCommand, type ReconcileFlags, reconcileCommand } from './commands/external.ts'
import { type GateFlags, gateCommand } from './commands/gate.ts'
import { type GetFlags, getCommand } from './commands/get.ts'
import { type ImportFlags, importCommand } from './commands/import.ts'
import { type InitFlags, initCommand } from './commands/init.ts'
import { type PutFlags, putCommand } from './commands/put.ts'
import { type RebuildFlags, rebuildCommand } from './commands/rebuild.ts'
import {
  healthCommand,
  type ListFlags,
  listCommand,
  removeCommand,
  type SignFlags,
  signCommand,
  statCommand,
  usageCommand,
} from './commands/records.ts'
import { type ReleaseFlags, releaseCommand, type ScanFlags, scanCommand } from './commands/scan.ts'
import { serveCommand } from './commands/serve.ts'
import { abortSessionsCommand, type SessionFlags, sessionsCommand } from './commands/sessions.ts'
import {
  applyCommand,
  type CostFlags,
  costsCommand,
  explainCommand,
  planCommand,
  type WithdrawFlags,
  withdrawCommand,
} from './commands/tier.ts'
import { type VerifyFlags, verifyCommand } from './commands/verify.ts'
import { type WarmFlags, warmCommand } from './commands/warm.ts'
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

type Work = (context: CommandContext) => Promise<ExitCode>

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

  const command = (usage: string, about: string): Command =>
    program.command(usage).description(about).exitOverride().allowExcessArguments(false)
  const work = (own: Command, make: (...args: never[]) => Work) =>
    own.action(async (...args: unknown[]) => {
      await start(own.optsWithGlobals<GlobalFlags>(), make(...(args as never[])))
    })

  work(
    command('serve', 'serve the media routes on loopback until stopped')
      .option('--port <number>', 'port; 0 takes a free one')
      .option('--host <host>', 'loopback address'),
    () => serveCommand,
  )
  work(
    command('gate', 'answer a proxy whether media is ready, loading or missing, until stopped')
      .option('--port <number>', 'port of gRPC; 0 takes a free one (default 9191)')
      .option('--host <host>', 'address to listen on (default 127.0.0.1)')
      .option('--socket <path>', 'unix socket of gRPC, in place of a port')
      .option('--http-port <number>', 'port for proxies that ask over HTTP')
      .option('--proxy <name>', 'which of them asks: envoy, nginx, traefik or caddy')
      .option(
        '--fallback-port <number>',
        'port that answers in place of a store that has not what was let through',
      )
      .option('--media-url <url>', 'ask this media service in place of the configured stores'),
    (flags: GateFlags) => (context) => gateCommand(context, flags),
  )
  work(
    command('put <files...>', 'store files; - is standard input')
      .option('--key <name>', 'name of the record: create or replace it')
      .option('--filename <name>', 'name for downloads')
      .option('--type <type>', 'content type, checked against the bytes')
      .option('--owner <owner>', 'owner of the record')
      .option('--tag <tag>', 'tag; may be given again', collect)
      .option('--public', 'readable by everybody')
      .option('--metadata <json>', 'user metadata'),
    (files: string[], flags: PutFlags) => (context) => putCommand(context, files, flags),
  )
  work(
    command('get <ref>', 'write the bytes of an id or key:NAME')
      .option('-o, --output <file>', 'file instead of standard output')
      .option('--range <first-last>', 'part of the bytes, as in HTTP: 0-99, 500-, -500'),
    (ref: string, flags: GetFlags) => (context) => getCommand(context, ref, flags),
  )
  work(command('stat <ref>', 'print a record'), (ref: string) => (context) => statCommand(context, ref))
  work(
    command('ls', 'list records, newest first')
      .option('--owner <owner>', 'of this owner')
      .option('--type <type>', 'of this type: image/png or image/*')
      .option('--tag <tag>', 'with this tag')
      .option('--search <words>', 'whose name, key, tags or title hold these words')
      .option('--limit <number>', 'at most so many'),
    (flags: ListFlags) => (context) => listCommand(context, flags),
  )
  work(
    command('rm <refs...>', 'delete records; bytes that nothing else refers to follow later'),
    (refs: string[]) => (context) => removeCommand(context, refs),
  )
  work(
    command('sign <ref>', 'print an address that works without signing in until it expires')
      .option('--expires-in <seconds>', 'life of the address (default 3600; 900 with --direct)')
      .option('--download', 'as attachment')
      .option(
        '--direct',
        'of the bucket itself where the settings let its addresses be given out: 15 minutes at most',
      ),
    (ref: string, flags: SignFlags) => (context) => signCommand(context, ref, flags),
  )
  work(
    command('usage', 'print what is stored').option('--by <what>', 'owner, type or tier', 'owner'),
    (flags: { by: string }) => (context) => usageCommand(context, flags.by),
  )
  work(
    command('verify', 'read every copy and compare it with its digest; exit code 3 when one is damaged')
      .option('--repair', 'make a new copy of what is damaged, from a good one on another volume')
      .option('--stored', 'check stored bytes by their sums in place of the digest: quicker')
      .option('--rate <number>', 'read at most so many MiB a second')
      .option('--cursor <text>', 'go on where an interrupted run stopped'),
    (flags: VerifyFlags) => (context) => verifyCommand(context, flags),
  )
  work(
    command(
      'rebuild',
      'fill a lost catalog from the volumes; exit code 3 when something could not be put back',
    ).option('--adopt-unknown', 'make media, private and of nobody, of objects that no journal names'),
    (flags: RebuildFlags) => (context) => rebuildCommand(context, flags),
  )
  work(
    command(
      'import <source>',
      'store every file below a folder, its path from there as key; or make media of a bucket that is an external tier',
    )
      .option('--owner <owner>', 'owner of the records')
      .option('--tag <tag>', 'tag; may be given again', collect)
      .option('--public', 'readable by everybody'),
    (source: string, flags: ImportFlags) => (context) =>
      /^(s3|minio|https?):/i.test(source)
        ? importBucketCommand(context, source, flags)
        : importCommand(context, source, flags),
  )
  work(
    command(
      'reconcile [tier]',
      'bring what is known of external tiers in step with their stores; nothing in them is changed',
    ).option('--force', 'go on where a brake stops: when very much is gone at once'),
    (tier: string | undefined, flags: ReconcileFlags) => (context) => reconcileCommand(context, tier, flags),
  )
  tierCommands(command('tier', 'where bytes live: what is to be moved, why, and for how much'), work)
  work(
    command('warm <refs...>', 'bring media to a tier that serves them, and wait until they are there').option(
      '--no-wait',
      'ask and tell how far each is',
    ),
    (refs: string[], flags: WarmFlags) => (context) => warmCommand(context, refs, flags),
  )
  work(
    command('init [url]', 'make what every configured store needs, or the store at the URL; may be repeated')
      .option('--check', 'change nothing; exit code 3 when something differs')
      .option('--versioning', 'buckets keep what is overwritten or deleted')
      .option('--encryption', 'buckets encrypt what they store')
      .option('--temporary <prefix=days>', 'buckets remove what lies below a prefix after so many days'),
    (url: string | undefined, flags: InitFlags) => (context) => initCommand(context, url, flags),
  )
  work(
    command('gc', 'free bytes that no record refers to')
      .option('--dry-run', 'tell what would be done, change nothing')
      .option('--grace <seconds>', 'how long bytes stay after their last record went')
      .option('--force', 'go on where a brake stops: when very much would go at once'),
    (flags: CollectFlags) => (context) => collectCommand(context, flags),
  )
  const sessions = command('sessions', 'list uploads under way').option('--owner <owner>', 'of this owner')
  work(sessions, (flags: SessionFlags) => (context) => sessionsCommand(context, flags))
  work(
    sessions
      .command('abort <ids...>')
      .description('end uploads: their bytes and reservations go now')
      .exitOverride()
      .allowExcessArguments(false),
    (ids: string[]) => (context) => abortSessionsCommand(context, ids),
  )
  work(
    command(
      'scan [refs...]',
      'have the scanner look at what waits, or at these media; exit code 3 when something is found',
    )
      .option('--stale', 'at all that an older database looked at, or none')
      .option('--all', 'at everything that nobody released'),
    (refs: string[], flags: ScanFlags) => (context) => scanCommand(context, refs, flags),
  )
  work(
    command('release <ref>', 'let out what the scanner holds back, because you looked at it').option(
      '--digest <digest>',
      'the content that you looked at: sha256:...; nothing else goes out',
    ),
    (ref: string, flags: ReleaseFlags) => (context) => releaseCommand(context, ref, flags),
  )
  work(
    command(
      'doctor [url]',
      'check this machine and the configured stores, or the store at the URL: file:///FOLDER, s3://, minio://, memory:',
    ),
    (url: string | undefined) => (context) => doctorCommand(context, url),
  )
  work(command('health', 'print whether everything can be used'), () => healthCommand)
  return program
}

type AddWork = (own: Command, make: (...args: never[]) => Work) => void

function tierCommands(tier: Command, work: AddWork): void {
  const command = (usage: string, about: string): Command =>
    tier.command(usage).description(about).exitOverride().allowExcessArguments(false)
  work(
    command('plan', 'tell what would be moved now, and what that costs; changes nothing'),
    () => planCommand,
  )
  work(command('apply', 'move until nothing is due'), () => applyCommand)
  work(
    command('withdraw', 'take planned moves back; what a rule still asks for is planned again')
      .option('--to <tier>', 'only those to this tier')
      .option('--cause <cause>', 'only those of burst, promote, demote or heal'),
    (flags: WithdrawFlags) => (context) => withdrawCommand(context, flags),
  )
  work(
    command('explain <ref>', 'tell why a media is where it is'),
    (ref: string) => (context) => explainCommand(context, ref),
  )
  work(
    command('costs', 'tell what was asked of each tier, what that cost, and what was saved')
      .option('--from <day>', 'first day, as 2026-01-31; default today')
      .option('--to <day>', 'last day; default today'),
    (flags: CostFlags) => (context) => costsCommand(context, flags),
  )
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
