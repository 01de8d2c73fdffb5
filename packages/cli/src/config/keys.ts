import { MiB } from '@mediakeep/core'
import { z } from 'zod'

/** One setting: its name in the file, its name in the environment, and what the documentation says. */
export interface ConfigKey {
  readonly name: string
  readonly env: string
  /** Names of other tools that are understood too, after our own. */
  readonly aliases?: readonly string[]
  readonly unit?: string
  readonly byDefault: string
  readonly secret?: boolean
  readonly about: string
}

const bytes = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER)
const port = z.coerce.number().int().min(0).max(65_535)

/** The settings, checked. */
export interface Config {
  readonly data: string
  readonly secondData?: string | undefined
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
}

/** Types and bounds of the settings. Unknown ones are refused by name. */
export const configSchema: z.ZodType<Config> = z.strictObject({
  data: z.string().min(1).default('./data'),
  secondData: z.string().min(1).optional(),
  namespace: z.string().min(1).default('default'),
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(3000),
  publicBaseUrl: z.url({ protocol: /^https?$/ }).optional(),
  durability: z.enum(['none', 'file', 'durable']).default('durable'),
  capacityBytes: bytes.optional(),
  stagingBudgetBytes: bytes.optional(),
  maxBodyBytes: bytes.optional(),
  maxUploadsInFlight: z.coerce.number().int().positive().optional(),
  readCacheBytes: z.coerce
    .number()
    .int()
    .min(0)
    .default(64 * MiB),
  garbageGraceMs: z.coerce.number().int().min(0).optional(),
  dedupe: z.enum(['store', 'namespace']).default('store'),
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
    byDefault: 'http://HOST:PORT/media',
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
]
