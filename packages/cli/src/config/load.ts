import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError } from '../exit-codes.ts'
import { tierVariable } from '../stores/credentials.ts'
import { CONFIG_KEYS, type Config, configSchema } from './keys.ts'
import { isServiceLink, usualTiers } from './usual-names.ts'

const FILE_NAMES = ['mediakeep.config.js', 'mediakeep.config.json']

export interface ConfigSource {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--config`: must exist. Without it a `mediakeep.config.js` or `.json` in the working directory is used where there is one. */
  readonly file?: string | undefined
  /** From the command line: wins over everything. */
  readonly flags: Readonly<Record<string, string | undefined>>
}

/**
 * Settings from file, environment and flags; each wins over the one before.
 * @throws UsageError that names the key: unknown, or with a value that does not fit.
 */
export async function loadConfig({ cwd, env, file, flags }: ConfigSource): Promise<Config> {
  const values: Record<string, unknown> = await readConfigFile(cwd, file ?? env['MEDIAKEEP_CONFIG'])
  const names = new Map<string, string>()
  for (const key of CONFIG_KEYS) {
    const fits = (name: string): boolean =>
      name === key.env || key.aliasFits === undefined || key.aliasFits.test(env[name] ?? '')
    const source = [key.env, ...(key.aliases ?? [])].find(
      (name) => env[name] !== undefined && env[name] !== '' && !isServiceLink(env[name]) && fits(name),
    )
    if (source === undefined) continue
    values[key.name] = env[source]
    names.set(key.name, source)
  }
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue
    values[name] = value
    names.set(name, `--${name}`)
  }
  refuseUnknownVariables(env)
  const parsed = configSchema.safeParse(values)
  if (!parsed.success) throw new UsageError(parsed.error.issues.map((issue) => tell(issue, names)).join('\n'))
  const config = withTiers(parsed.data, env)
  refuseCredentialsOfNoTier(config, env)
  return config
}

/** Where no tiers are written down, the usual names of other tools may ask for some. */
function withTiers(config: Config, env: ConfigSource['env']): Config {
  const tiers = config.tiers ?? usualTiers(env)
  if (tiers.length === 0) return config
  if (config.secondData !== undefined)
    throw new UsageError(
      'configuration: secondData and tiers: give the second folder as a tier, and minCopies 2',
    )
  return { ...config, tiers }
}

function tell(
  issue: {
    readonly code?: string
    readonly path: readonly PropertyKey[]
    readonly message: string
    readonly keys?: readonly string[]
  },
  names: ReadonlyMap<string, string>,
): string {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0)
    return `configuration: unknown key ${(issue.keys ?? []).map((key) => `"${key}"`).join(', ')}; known are ${CONFIG_KEYS.map(({ name }) => name).join(', ')}`
  const [key, ...below] = issue.path.map(String)
  return `configuration: ${[names.get(key ?? '') ?? key ?? '', ...below].join('.')}: ${issue.message}`
}

function refuseUnknownVariables(env: ConfigSource['env']): void {
  const known = new Set(['MEDIAKEEP_CONFIG', 'MEDIAKEEP_MEDIA_TOKEN', ...CONFIG_KEYS.map((key) => key.env)])
  // Names of tests and of tools around us, not settings of ours.
  const ours = Object.keys(env).filter(
    (name) =>
      name.startsWith('MEDIAKEEP_') &&
      !known.has(name) &&
      !TIER_CREDENTIALS.test(name) &&
      !SERVICE_LINK.test(name) &&
      !name.startsWith('MEDIAKEEP_TEST_') &&
      name !== 'MEDIAKEEP_LONG',
  )
  if (ours.length > 0)
    throw new UsageError(`configuration: unknown key ${ours.join(', ')}; known are ${[...known].join(', ')}`)
}

/** What Kubernetes tells all containers beside a service called `mediakeep`; its `MEDIAKEEP_PORT` is told by its value. */
const SERVICE_LINK = /^MEDIAKEEP_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP|SCTP))(_|$)/

const TIER_CREDENTIALS = /^MEDIAKEEP_TIER_[A-Z0-9_]+_(ACCESS_KEY|SECRET_KEY|TOKEN)$/

/** Credentials that nobody uses are a name that was misspelt. */
function refuseCredentialsOfNoTier({ tiers = [] }: Config, env: ConfigSource['env']): void {
  const known = new Set(
    tiers.flatMap(({ name }) =>
      (['ACCESS_KEY', 'SECRET_KEY', 'TOKEN'] as const).map((what) => tierVariable(name, what)),
    ),
  )
  const odd = Object.keys(env).filter((name) => TIER_CREDENTIALS.test(name) && !known.has(name))
  if (odd.length > 0) throw new UsageError(`configuration: ${odd.join(', ')}: there is no tier of this name`)
}

async function readConfigFile(cwd: string, file: string | undefined): Promise<Record<string, unknown>> {
  if (file !== undefined) {
    const found = await readOne(resolve(cwd, file))
    if (found === undefined) throw new UsageError(`configuration: there is no file ${file}`)
    return found
  }
  for (const name of FILE_NAMES) {
    const found = await readOne(join(cwd, name))
    if (found !== undefined) return found
  }
  return {}
}

async function readOne(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`configuration: cannot read ${path}`, { cause })
  }
  const value: unknown = path.endsWith('.json') ? parseJson(text, path) : await importDefault(path)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`configuration: ${path} does not give an object`)
  return { ...value }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) // as editors of Windows begin a file
  } catch (cause) {
    throw new UsageError(`configuration: ${path} is not JSON`, { cause })
  }
}

async function importDefault(path: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown }
    return module.default
  } catch (cause) {
    throw new UsageError(
      `configuration: ${path} cannot be loaded: ${cause instanceof Error ? cause.message : 'unknown failure'}`,
      { cause },
    )
  }
}
