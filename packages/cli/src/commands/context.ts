import { resolve } from 'node:path'
import { isId, type MediaRef, type MediaStore } from '@mediakeep/core'
import { lookAtCatalog } from '../catalog-of-folder.ts'
import type { Config } from '../config/keys.ts'
import { UsageError } from '../exit-codes.ts'
import { openMediaStore } from '../open-media-store.ts'
import { scannerAt } from '../stores/scanner.ts'
import type { Output } from '../terminal/output.ts'
import type { Progress } from '../terminal/progress.ts'
import type { Streams } from '../terminal/streams.ts'

/** What every command gets. */
export interface CommandContext {
  readonly config: Config
  readonly output: Output
  readonly progress: Progress
  readonly streams: Streams
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}

/** Opens the configured store, in the configured namespace; nothing runs in its background. */
export async function openConfigured(
  { config, streams }: Pick<CommandContext, 'config' | 'streams'>,
  upkeep: 'background' | 'by-hand' = 'by-hand',
  { bringsOver = false }: { readonly bringsOver?: boolean } = {},
): Promise<MediaStore> {
  const limits = {
    ...(config.maxBodyBytes === undefined ? {} : { maxBodyBytes: config.maxBodyBytes }),
    ...(config.maxUploadsInFlight === undefined ? {} : { maxUploadsInFlight: config.maxUploadsInFlight }),
    ...(config.maxOpenUploads === undefined ? {} : { maxOpenUploads: config.maxOpenUploads }),
    ...(config.ownerBytes === undefined ? {} : { ownerBytes: config.ownerBytes }),
  }
  const store = await openMediaStore(resolve(streams.cwd, config.data), {
    durability: config.durability,
    dedupe: config.dedupe,
    limits,
    ...(config.policies === undefined ? {} : { policies: config.policies }),
    ...(config.scanner === undefined ? {} : { scanner: await scannerAt(config.scanner) }),
    ...(config.scanning === undefined ? {} : { scanning: config.scanning }),
    reads: { cacheBytes: config.readCacheBytes },
    upkeep: {
      ...(upkeep === 'background' ? {} : { intervalMs: 0 }),
      ...(config.garbageGraceMs === undefined ? {} : { garbageGraceMs: config.garbageGraceMs }),
    },
    ...publicBaseUrlOf(config),
    ...(config.secondData === undefined ? {} : { secondDirectory: resolve(streams.cwd, config.secondData) }),
    ...(config.databaseUrl === undefined ? {} : { databaseUrl: config.databaseUrl, bringsOver }),
    ...(config.redisUrl === undefined ? {} : { redisUrl: config.redisUrl }),
    ...(config.capacityBytes === undefined ? {} : { capacityBytes: config.capacityBytes }),
    ...(config.stagingBudgetBytes === undefined ? {} : { stagingBudgetBytes: config.stagingBudgetBytes }),
    ...(config.tiers === undefined ? {} : { tiers: config.tiers }),
    ...(config.tiering === undefined ? {} : { tiering: config.tiering }),
    ...(config.minCopies === undefined ? {} : { minCopies: config.minCopies }),
    ...(config.hostId === undefined ? {} : { hostId: config.hostId }),
    env: streams.env,
  })
  return config.namespace === store.namespace ? store : store.in(config.namespace)
}

/** Nobody knows yet which port a free one will be: signed addresses are then relative to the host. */
function publicBaseUrlOf({ publicBaseUrl, host, port }: Config): { readonly publicBaseUrl?: string } {
  if (publicBaseUrl !== undefined) return { publicBaseUrl }
  return port === 0
    ? {}
    : { publicBaseUrl: `http://${host.includes(':') ? `[${host}]` : host}:${port}/media` }
}

/** Runs `work` on the configured store and closes it, whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  work: (store: MediaStore) => Promise<T>,
  options?: { readonly bringsOver: boolean },
): Promise<T> {
  const folder = resolve(context.streams.cwd, context.config.data)
  const isNew =
    context.config.databaseUrl === undefined && (await lookAtCatalog(folder, undefined)) === 'missing'
  const store = await openConfigured(context, 'by-hand', options)
  // A folder that was misspelt, or whose disk is not mounted, would pass for one that is empty and well.
  if (isNew) context.output.note(`there were no records in ${folder}: new ones were begun`)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** REF: an id, or `key:NAME`. */
export function parseReference(text: string): MediaRef {
  if (text.startsWith('key:')) return { key: text.slice(4) }
  if (isId(text.toLowerCase())) return text.toLowerCase()
  throw new UsageError(`"${text}" is no reference: give an id, or key:NAME`)
}
