import { type MediaPolicy, MiB, type ScanningOptions, type TieringOptions } from '@mediakeep/core'
import { z } from 'zod'
import { type GateSettings, gateSetting } from './gate-settings.ts'
import { policiesSetting, SCANNER, scanningSetting } from './intake-settings.ts'
import { wholeNumber } from './sizes.ts'
import { byteSize, type TierSetting, tieringSetting, tiersSetting } from './tier-settings.ts'

/** One setting: its name in the file, its name in the environment, and what the documentation says. */
export interface ConfigKey {
  readonly name: string
  readonly env: string
  /** Names of other tools that are understood too, after our own. */
  readonly aliases?: readonly string[]
  /** Values of the aliases that are meant for us; others are another program's and are passed over. Default: all. */
  readonly aliasFits?: RegExp
  readonly unit?: string
  readonly byDefault: string
  readonly secret?: boolean
  readonly about: string
}

const port = wholeNumber.pipe(z.number().min(0).max(65_535))
const positive = wholeNumber.pipe(z.number().positive())

/** An address would become a folder of that name. */
const folder = z
  .string()
  .min(1, 'give a folder')
  .regex(/^(?![a-z][a-z0-9+.-]+:\/\/)/i, 'give a folder; addresses of stores go into "tiers"')

/** The settings, checked. */
export interface Config {
  readonly data: string
  readonly secondData?: string | undefined
  readonly databaseUrl?: string | undefined
  readonly redisUrl?: string | undefined
  readonly namespace: string
  readonly host: string
  readonly port: number
  readonly publicBaseUrl?: string | undefined
  readonly durability: 'none' | 'file' | 'durable'
  readonly capacityBytes?: number | undefined
  readonly stagingBudgetBytes?: number | undefined
  readonly maxBodyBytes?: number | undefined
  readonly maxUploadsInFlight?: number | undefined
  readonly readCacheBytes: number
  readonly garbageGraceMs?: number | undefined
  readonly dedupe: 'store' | 'namespace'
  readonly tiers?: readonly TierSetting[] | undefined
  readonly tiering?: TieringOptions | undefined
  readonly minCopies?: number | undefined
  readonly hostId?: string | undefined
  readonly gate?: GateSettings | undefined
  readonly scanner?: string | undefined
  readonly scanning?: ScanningOptions | undefined
  readonly policies?: readonly MediaPolicy[] | undefined
  readonly ownerBytes?: number | undefined
  readonly maxOpenUploads?: number | undefined
}

/** Types and bounds of the settings. Unknown ones are refused by name. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  data: folder.default('./data'),
  secondData: folder.optional(),
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//i, 'give the address of a PostgreSQL database: postgres://USER@HOST/DATABASE')
    .optional(),
  redisUrl: z
    .string()
    .regex(/^rediss?:\/\//i, 'give the address of a Redis: redis://USER:PASSWORD@HOST:PORT')
    .optional(),
  namespace: z.string().min(1).default('default'),
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(3000),
  publicBaseUrl: z.url({ protocol: /^https?$/ }).optional(),
  durability: z.enum(['none', 'file', 'durable']).default('durable'),
  capacityBytes: byteSize.optional(),
  stagingBudgetBytes: byteSize.optional(),
  maxBodyBytes: byteSize.optional(),
  maxUploadsInFlight: positive.optional(),
  readCacheBytes: wholeNumber.pipe(z.number().min(0)).default(64 * MiB),
  garbageGraceMs: wholeNumber.pipe(z.number().min(0)).optional(),
  dedupe: z.enum(['store', 'namespace']).default('store'),
  tiers: tiersSetting.optional(),
  tiering: tieringSetting.optional(),
  minCopies: wholeNumber.pipe(z.number().min(1).max(16)).optional(),
  hostId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'give letters, digits, dots, hyphens and underlines, 64 at most')
    .optional(),
  gate: gateSetting.optional(),
  scanner: z.string().regex(SCANNER, 'give host:port, or unix:/path of the socket of a clamd').optional(),
  scanning: scanningSetting.optional(),
  policies: policiesSetting.optional(),
  ownerBytes: byteSize.optional(),
  maxOpenUploads: positive.optional(),
})

/** The one table that reading, refusing and documentation are made from. */
export const CONFIG_KEYS: readonly (ConfigKey & { readonly name: keyof Config })[] = [
  {
    name: 'data',
    env: 'MEDIAKEEP_DATA',
    byDefault: './data',
    about: 'The folder of media, records and keys.',
  },
  {
    name: 'secondData',
    env: 'MEDIAKEEP_SECOND_DATA',
    byDefault: 'none',
    about: 'A folder, best on another disk, that holds a second copy of all bytes.',
  },
  {
    name: 'databaseUrl',
    env: 'MEDIAKEEP_DATABASE_URL',
    aliases: ['DATABASE_URL'],
    aliasFits: /^postgres(ql)?:/i,
    byDefault: 'SQLite in the folder',
    secret: true,
    about:
      'A PostgreSQL database that holds the records: `postgres://USER:PASSWORD@HOST/DATABASE` ([PostgreSQL](../guide/postgres.md)).',
  },
  {
    name: 'redisUrl',
    env: 'MEDIAKEEP_REDIS_URL',
    aliases: ['REDIS_URL'],
    aliasFits: /^rediss?:/i,
    byDefault: 'each process for itself',
    secret: true,
    about:
      'A Redis through which processes share what they load and tell each other of changes: `redis://USER:PASSWORD@HOST:PORT` ([Redis](../guide/redis.md)).',
  },
  {
    name: 'namespace',
    env: 'MEDIAKEEP_NAMESPACE',
    byDefault: 'default',
    about: 'The namespace that commands work in.',
  },
  {
    name: 'host',
    env: 'MEDIAKEEP_HOST',
    aliases: ['HOST'],
    byDefault: '127.0.0.1',
    about: 'The address that `serve` listens on.',
  },
  {
    name: 'port',
    env: 'MEDIAKEEP_PORT',
    aliases: ['PORT'],
    byDefault: '3000',
    about: 'The port that `serve` listens on; 0 takes a free one.',
  },
  {
    name: 'publicBaseUrl',
    env: 'MEDIAKEEP_PUBLIC_BASE_URL',
    byDefault: 'http://HOST:PORT/media; none with port 0',
    about: 'Where the media routes are reached from outside: what signed addresses begin with.',
  },
  {
    name: 'durability',
    env: 'MEDIAKEEP_DURABILITY',
    byDefault: 'durable',
    about:
      'What an acknowledged write survives: `none`, `file` (end of the process), `durable` (power loss).',
  },
  {
    name: 'capacityBytes',
    env: 'MEDIAKEEP_CAPACITY_BYTES',
    unit: 'bytes',
    byDefault: 'what the disk has',
    about: 'Bytes that media may take.',
  },
  {
    name: 'stagingBudgetBytes',
    env: 'MEDIAKEEP_STAGING_BUDGET_BYTES',
    unit: 'bytes',
    byDefault: 'the store’s',
    about: 'Bytes that bodies on their way in may take.',
  },
  {
    name: 'maxBodyBytes',
    env: 'MEDIAKEEP_MAX_BODY_BYTES',
    unit: 'bytes',
    byDefault: '64 GiB',
    about: 'Largest body that is taken.',
  },
  {
    name: 'maxUploadsInFlight',
    env: 'MEDIAKEEP_MAX_UPLOADS_IN_FLIGHT',
    byDefault: '256',
    about: 'Uploads at once; more are told to come again.',
  },
  {
    name: 'maxOpenUploads',
    env: 'MEDIAKEEP_MAX_OPEN_UPLOADS',
    byDefault: '100',
    about: 'Uploads in pieces that an owner may have open at once.',
  },
  {
    name: 'ownerBytes',
    env: 'MEDIAKEEP_OWNER_BYTES',
    unit: 'bytes',
    byDefault: 'no limit',
    about: 'What the media of an owner may take together; reserved before a body comes.',
  },
  {
    name: 'policies',
    env: 'MEDIAKEEP_POLICIES',
    unit: 'list (JSON)',
    byDefault: 'the store’s',
    about:
      'What bodies of a type must be like, the first that fits: `match`, `maxBytes`, `minBytes`, `maxPixels`, `maxFrames`, `maxTotalPixels`, `trailingData`, `facts`, `activeContent`, `archives`, `refuse`, `allowUnrecognised` ([validation](../guide/validation.md)).',
  },
  {
    name: 'scanner',
    env: 'MEDIAKEEP_SCANNER',
    byDefault: 'none',
    about:
      'A clamd that looks at every body: `host:port`, or `unix:/path` of its socket ([scanning](../guide/scanning.md)).',
  },
  {
    name: 'scanning',
    env: 'MEDIAKEEP_SCANNING',
    unit: 'object (JSON)',
    byDefault: 'before a put is answered, and kept in quarantine',
    about:
      'When it looks and what follows: `mode`, `onInfected`, `onUnscannable`, `timeoutMs`, `maxConcurrent`.',
  },
  {
    name: 'readCacheBytes',
    env: 'MEDIAKEEP_READ_CACHE_BYTES',
    unit: 'bytes',
    byDefault: '64 MiB',
    about: 'Memory for small media that are read often.',
  },
  {
    name: 'garbageGraceMs',
    env: 'MEDIAKEEP_GARBAGE_GRACE_MS',
    unit: 'ms',
    byDefault: '3600000',
    about: 'How long bytes stay after their last record went.',
  },
  {
    name: 'dedupe',
    env: 'MEDIAKEEP_DEDUPE',
    byDefault: 'store',
    about: 'Equal bytes are stored once per `store` or per `namespace`.',
  },
  {
    name: 'tiers',
    env: 'MEDIAKEEP_TIERS',
    unit: 'list (JSON)',
    byDefault: 'one: the folder',
    about:
      'Where bytes live, nearest first: `name`, `url`, `role`, `capacity`, `highWatermarkRatio`, `lowWatermarkRatio`, `prices`, `serves`, `eviction`, `imports`, `follow`, `directUrls` ([tiers](../guide/tiers.md)).',
  },
  {
    name: 'tiering',
    env: 'MEDIAKEEP_TIERING',
    unit: 'object (JSON)',
    byDefault: 'order of the tiers',
    about:
      'What goes where, when, and for how much: `rules`, `burst`, `promotion`, `budget`, `evictGraceMs`, `maxMoves`, `reconcileEveryMs`.',
  },
  {
    name: 'minCopies',
    env: 'MEDIAKEEP_MIN_COPIES',
    byDefault: '1; 2 with `secondData`',
    about: 'Copies on different home tiers that everything should have.',
  },
  {
    name: 'hostId',
    env: 'MEDIAKEEP_HOST_ID',
    byDefault: 'none',
    about: 'Which of several hosts that share one catalog this is.',
  },
  {
    name: 'gate',
    env: 'MEDIAKEEP_GATE',
    unit: 'object (JSON)',
    byDefault: 'gRPC on port 9191',
    about:
      'What `gate` asks and answers: `port`, `httpPort`, `fallbackPort`, `socket`, `proxy`, `mediaUrl`, `basePath`, `keyPrefix`, `trustedProxies`, `identity`, `signIn`, `upstreams`, `contentRoute`, `forwardIdentity`, `publicNames`, `loadingStatus`, `decisionCache`, `fetches` ([gate](../guide/gate.md)).',
  },
]
