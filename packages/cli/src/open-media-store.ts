import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { MinioStore } from '@mediakeep/adapters/minio'
import {
  createMediaStore,
  type HintSource,
  MediaError,
  type MediaStore,
  type MediaStoreOptions,
  makeFolder,
  type ObjectStore,
  type OptionNames,
  type ResourceStates,
  refuseUnknown,
  type TierOptions,
} from '@mediakeep/core'
import { noteElsewhere, openCatalog } from './catalog-of-folder.ts'
import { folderKeys } from './key-file.ts'
import { parseStoreUrl } from './stores/address.ts'
import { createStore } from './stores/create-store.ts'
import type { Environment } from './stores/credentials.ts'

/** A tier of an embedded store: the folder's own volume, a store at an address, or one that you made. */
export interface EmbeddedTier extends Omit<TierOptions, 'store'> {
  /** `s3://bucket/prefix`, `file:///dir` ...; credentials come from the environment. Without it and `store`: the folder's own volume. */
  readonly url?: string
  /** One of your own; closed with the media store. */
  readonly store?: ObjectStore
  /**
   * Of a tier at a `minio:` address: the server's notifications are followed, in the background. Of an `external` one, which needs
   * `imports`, for changes there; of any other for uploads straight to it, which are completed when they have come. Default false.
   */
  readonly follow?: boolean
}

/** What may differ from the embedded default; everything else is in the folder. */
export interface OpenMediaStoreOptions extends Omit<MediaStoreOptions, 'tiers' | 'catalog'> {
  /** Bytes that bodies on their way in may take. Default: the file-system store's. */
  readonly stagingBudgetBytes?: number
  /** Bytes that media may take. Default: as much as the disk has. */
  readonly capacityBytes?: number
  /**
   * A folder, best on another disk, that holds a copy of all bytes as `SECOND/volume`. `minCopies` is then 2 unless said otherwise.
   * It serves when the first disk does not, and damaged copies are repaired from it.
   */
  readonly secondDirectory?: string
  /**
   * `postgres://...`: records are kept in this PostgreSQL database in place of the folder; needs the package `pg`. Never shown in an
   * error. Of several hosts with one database each has a `hostId` of its own.
   */
  readonly databaseUrl?: string
  /**
   * `redis://...`: processes share through this Redis what they load, and tell each other of changes; needs the package `ioredis`. Never
   * shown in an error. While it is away each works for itself. In place of `resourceStates`.
   */
  readonly redisUrl?: string
  /**
   * Opens the database although the folder's records are in its `catalog.sqlite`: for `rebuildCatalog`, which brings them over.
   * Default false.
   */
  readonly bringsOver?: boolean
  /** `durable` (default): an acknowledged write survives power loss. `file`: the end of the process. `none`: neither is promised. */
  readonly durability?: 'none' | 'file' | 'durable'
  /**
   * Where bytes live, nearest first. Default: the folder's own volume alone, as tier `disk`. The vendor's packages of `s3:` and
   * `minio:` addresses must be installed.
   */
  readonly tiers?: readonly EmbeddedTier[]
  /** Where the credentials of `url`s come from. Default: `process.env`. */
  readonly env?: Environment
}

const OPTIONS: OptionNames<OpenMediaStoreOptions> = {
  stagingBudgetBytes: true,
  capacityBytes: true,
  secondDirectory: true,
  databaseUrl: true,
  redisUrl: true,
  bringsOver: true,
  durability: true,
  tiers: true,
  env: true,
  keys: true,
  policies: true,
  dedupe: true,
  publicBaseUrl: true,
  minCopies: true,
  hostId: true,
  scanner: true,
  scanning: true,
  tiering: true,
  resourceStates: true,
  limits: true,
  reads: true,
  upkeep: true,
  observer: true,
  clock: true,
  sessionTtlMs: true,
}

/**
 * The embedded default: media in `directory/volume`, records in `directory/catalog.sqlite`, signing keys in `directory/keys.json`.
 * One folder to back up. Several processes may open the same folder. With `databaseUrl` the records are in that database.
 * @throws MediaError MEDIA_UNAVAILABLE `not-writable` naming the folder, `catalog-unreachable` or `catalog-refused`; MEDIA_UNSUPPORTED
 * `layout-newer`, `no-sqlite-driver`, `no-pg`, `no-ioredis` or `missing-peer`; MEDIA_CONFLICT `two-catalogs`; MEDIA_BAD_INPUT `unknown-option`, `bad-composition`, `bad-store-url`, `missing-credentials` or `example-credentials`.
 */
export async function openMediaStore(
  directory: string,
  options: OpenMediaStoreOptions = {},
): Promise<MediaStore> {
  refuseUnknown('openMediaStore', options, OPTIONS)
  const {
    stagingBudgetBytes,
    capacityBytes,
    durability,
    secondDirectory,
    databaseUrl,
    redisUrl,
    bringsOver,
    tiers,
    env,
    ...rest
  } = options
  const root = resolve(directory)
  const second = secondDirectory === undefined ? undefined : resolve(secondDirectory)
  if (second === root) throw badComposition('the second folder is the first one: give another disk')
  if (second !== undefined && tiers !== undefined)
    throw badComposition('secondDirectory and tiers: give the second folder as a tier, and minCopies 2')
  if (redisUrl !== undefined && rest.resourceStates !== undefined)
    throw badComposition('redisUrl and resourceStates: give one of them')
  await createFolder(root)
  const catalog = await openCatalog(root, {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(bringsOver === undefined ? {} : { bringsOver }),
  })
  const keys = options.keys ?? (await folderKeys(join(root, 'keys.json')))
  if (second !== undefined) await createFolder(second)
  const limits = capacityBytes === undefined ? {} : { capacityBytes }
  const wanted: readonly EmbeddedTier[] = tiers ?? [
    { name: 'disk' },
    ...(second === undefined
      ? []
      : [{ name: 'second-disk', ...limits, url: pathToFileURL(join(second, 'volume')).href }]),
  ]
  const opened = await openTiers(
    wanted.map((tier) => (isOwnVolume(tier) ? { ...limits, ...tier } : tier)),
    {
      own: pathToFileURL(join(root, 'volume')).href,
      env: env ?? process.env,
      ...(durability === undefined ? {} : { durability }),
      ...(stagingBudgetBytes === undefined ? {} : { stagingBudgetBytes }),
    },
  )
  const states = redisUrl === undefined ? {} : { resourceStates: await statesAt(redisUrl, opened) }
  const store = await createMediaStore({
    ...(second === undefined ? {} : { minCopies: 2 }),
    ...rest,
    ...states,
    keys,
    catalog,
    tiers: opened,
  })
  if (databaseUrl !== undefined) {
    await noteElsewhere(root).catch(async (error: unknown) => {
      await store.close()
      throw error
    })
  }
  return store
}

/** When they cannot be opened, the stores are closed. */
async function statesAt(url: string, tiers: readonly TierOptions[]): Promise<ResourceStates> {
  try {
    // An adapter whose package may be missing is loaded by those who use it.
    const { openRedisStates } = await import('@mediakeep/adapters/redis')
    return await openRedisStates({ url })
  } catch (error) {
    await Promise.allSettled(tiers.map(({ store }) => store.close()))
    throw error
  }
}

interface OpenTiersOptions {
  /** Of the folder's own volume. */
  readonly own: string
  readonly env: Environment
  readonly durability?: 'none' | 'file' | 'durable'
  readonly stagingBudgetBytes?: number
}

const isOwnVolume = ({ url, store }: EmbeddedTier): boolean => url === undefined && store === undefined

/** Stores for all tiers; when one cannot be made, those before it are closed. */
async function openTiers(
  tiers: readonly EmbeddedTier[],
  { own, ...shared }: OpenTiersOptions,
): Promise<readonly TierOptions[]> {
  if (tiers.filter(isOwnVolume).length > 1)
    throw badComposition('tiers: only one can be the volume in the folder; give the others a url or a store')
  const stores: ObjectStore[] = []
  const opened: TierOptions[] = []
  try {
    for (const tier of tiers) {
      const { url, store, follow = false, ...rest } = tier
      if (url !== undefined && store !== undefined)
        throw badComposition(`tiers: ${tier.name} has a url and a store; give one of them`)
      const made = store ?? (await storeOf(tier, url ?? own, shared))
      stores.push(made)
      opened.push({ ...rest, store: made, ...(follow ? { hints: hintsOf(tier, made) } : {}) })
    }
    return opened
  } catch (error) {
    await Promise.allSettled(stores.map((store) => store.close()))
    throw error
  }
}

/** What the server of a store tells of changes, where it can. */
function hintsOf({ name, role, imports }: EmbeddedTier, store: ObjectStore): HintSource {
  if (!canListen(store))
    throw badComposition(`tiers: ${name}: only what is behind a minio: address can be followed`)
  if (role === 'external' && imports === undefined)
    throw badComposition(`tiers: ${name}: to be followed it needs imports`)
  const prefix = imports?.prefix
  return ({ signal }) => store.listen({ signal, ...(prefix === undefined ? {} : { prefix }) })
}

const canListen = (store: ObjectStore): store is ObjectStore & Pick<MinioStore, 'listen'> => 'listen' in store

async function storeOf(
  { name, role, prices }: EmbeddedTier,
  url: string,
  shared: Omit<OpenTiersOptions, 'own'>,
): Promise<ObjectStore> {
  const { store } = await createStore(parseStoreUrl(url), {
    ...shared,
    tier: name,
    readOnly: role === 'external',
    // Prices for room alone do not make reads worth sparing.
    ...(prices?.perRequest === undefined && prices?.perGigabyteOut === undefined ? {} : { paid: true }),
  })
  return store
}

function badComposition(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-composition' })
}

async function createFolder(root: string): Promise<void> {
  try {
    // Names, owners and tags are nobody else's on this machine, like the bytes in `volume/`.
    await makeFolder(root, { mode: 0o750 })
  } catch (cause) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `cannot create the folder ${root}; give one that this user may write`,
      { reason: 'not-writable', cause },
    )
  }
}
