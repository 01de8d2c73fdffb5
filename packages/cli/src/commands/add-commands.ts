import type { Command } from 'commander'
import type { ExitCode } from '../exit-codes.ts'
import { type CollectFlags, collectCommand } from './collect.ts'
import type { CommandContext } from './context.ts'
import { doctorCommand } from './doctor.ts'
import { importBucketCommand, type ReconcileFlags, reconcileCommand } from './external.ts'
import { type GateFlags, gateCommand } from './gate.ts'
import { type GetFlags, getCommand } from './get.ts'
import { type ImportFlags, importCommand } from './import.ts'
import { type InitFlags, initCommand } from './init.ts'
import { type PutFlags, putCommand } from './put.ts'
import { type RebuildFlags, rebuildCommand } from './rebuild.ts'
import {
  healthCommand,
  type ListFlags,
  listCommand,
  removeCommand,
  type SignFlags,
  signCommand,
  statCommand,
  usageCommand,
} from './records.ts'
import { type ReleaseFlags, releaseCommand, type ScanFlags, scanCommand } from './scan.ts'
import { serveCommand } from './serve.ts'
import { abortSessionsCommand, type SessionFlags, sessionsCommand } from './sessions.ts'
import {
  applyCommand,
  type CostFlags,
  costsCommand,
  explainCommand,
  planCommand,
  type WithdrawFlags,
  withdrawCommand,
} from './tier.ts'
import { type VerifyFlags, verifyCommand } from './verify.ts'
import { type WarmFlags, warmCommand } from './warm.ts'

/** What a command does with the settings and streams of one call. */
export type Work = (context: CommandContext) => Promise<ExitCode>

interface CommandTree {
  /** Adds a command to the program. */
  readonly command: (usage: string, about: string) => Command
  /** Has a command do what `make` returns for its arguments and flags. */
  readonly work: (own: Command, make: (...args: never[]) => Work) => void
}

/** Adds all commands, in the order in which the help names them. */
export function addCommands(program: Command, start: (own: Command, work: Work) => Promise<void>): void {
  const tree: CommandTree = {
    command: (usage, about) => commandOf(program, usage, about),
    work: (own, make) =>
      own.action(async (...args: unknown[]) => {
        await start(own, make(...(args as never[])))
      }),
  }
  servingCommands(tree)
  recordCommands(tree)
  repairCommands(tree)
  placeCommands(tree)
  upkeepCommands(tree)
  scanCommands(tree)
  healthCommands(tree)
}

function commandOf(parent: Command, usage: string, about: string): Command {
  return parent.command(usage).description(about).exitOverride().allowExcessArguments(false)
}

function servingCommands({ command, work }: CommandTree): void {
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
}

function recordCommands({ command, work }: CommandTree): void {
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
    command('usage', 'print what is stored').option(
      '--by <what>',
      'owner, type, tier or bucket (the same as tier)',
      'owner',
    ),
    (flags: { by: string }) => (context) => usageCommand(context, flags.by),
  )
}

function repairCommands({ command, work }: CommandTree): void {
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
}

function placeCommands({ command, work }: CommandTree): void {
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
}

function upkeepCommands({ command, work }: CommandTree): void {
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
    commandOf(sessions, 'abort <ids...>', 'end uploads: their bytes and reservations go now'),
    (ids: string[]) => (context) => abortSessionsCommand(context, ids),
  )
}

function scanCommands({ command, work }: CommandTree): void {
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
}

function healthCommands({ command, work }: CommandTree): void {
  work(
    command(
      'doctor [url]',
      'check this machine and the configured stores, or the store at the URL: file:///FOLDER, s3://, minio://, memory:',
    ),
    (url: string | undefined) => (context) => doctorCommand(context, url),
  )
  work(command('health', 'print whether everything can be used'), () => healthCommand)
}

function tierCommands(tier: Command, work: CommandTree['work']): void {
  const command = (usage: string, about: string): Command => commandOf(tier, usage, about)
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
