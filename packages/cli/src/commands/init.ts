import { resolve } from 'node:path'
import type { BucketDifference, BucketSetUp, BucketStore } from '@mediakeep/adapters/s3'
import { isMediaError, type ObjectStore } from '@mediakeep/core'
import { lookAtCatalog } from '../catalog-of-folder.ts'
import { DONE, type ExitCode, FAILED, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { formatStoreUrl, parseStoreUrl, type StoreAddress } from '../stores/address.ts'
import { configuredTiers } from '../stores/configured.ts'
import { createStore } from '../stores/create-store.ts'
import { type CommandContext, withStore } from './context.ts'

export interface InitFlags {
  readonly check?: boolean
  readonly versioning?: boolean
  readonly encryption?: boolean
  readonly temporary?: string
}

/** Something of a store that is not as it should be. */
interface Difference {
  readonly setting: BucketDifference['setting'] | 'volume' | 'records'
  readonly is: string
  readonly wanted: string
  readonly unsupported: boolean
}

interface Outcome {
  readonly made: readonly Difference[]
  readonly left: readonly Difference[]
}

const NO_VOLUME: Difference = { setting: 'volume', is: 'missing', wanted: 'there', unsupported: false }

/**
 * `init [URL]`: makes what every configured store needs, or the store at the URL: folders, buckets with their settings, volumes,
 * records. As often as it is called. With `--check` it changes nothing and answers 3 when something differs.
 */
export async function initCommand(
  context: CommandContext,
  url: string | undefined,
  flags: InitFlags,
): Promise<ExitCode> {
  const wanted = setUpOf(flags)
  const check = flags.check === true
  const targets =
    url === undefined
      ? configuredTiers(context.config, context.streams.cwd).map(({ setting, address }) => ({
          name: setting.name,
          address,
          isOurs: setting.role !== 'external',
        }))
      : [{ name: undefined, address: parseStoreUrl(url), isOurs: true }]
  let open = 0
  for (const { name, address, isOurs } of targets) {
    const outcome = await visit(context, { name, address, isOurs, wanted, check })
    const left = outcome.left.map((each) =>
      mayBeWithout(address, each) ? { ...each, unsupported: true } : each,
    )
    open += await tell(context, formatStoreUrl(address), { ...outcome, left }, check)
  }
  if (url === undefined) {
    const outcome = await visitRecords(context, check)
    open += await tell(context, context.config.data, outcome, check)
  }
  if (open === 0) return DONE
  return check ? FOUND_DAMAGE : FAILED
}

interface Visit {
  readonly name: string | undefined
  readonly address: StoreAddress
  /** Somebody else's store is looked at and never changed. */
  readonly isOurs: boolean
  readonly wanted: BucketSetUp
  readonly check: boolean
}

async function visit({ streams, config }: CommandContext, target: Visit): Promise<Outcome> {
  const { name, address, isOurs, wanted, check } = target
  const created = await createStore(address, {
    env: streams.env,
    readOnly: !isOurs,
    create: !check,
    durability: config.durability,
    ...(name === undefined ? {} : { tier: name }),
  })
  try {
    if (created.kind === 'memory') return { made: [], left: [] }
    const bucket =
      created.kind === 'bucket' && isOurs
        ? await visitBucket(created.store, { ...ofServer(address), ...wanted }, check)
        : undefined
    if (bucket !== undefined && check && bucket.left.some(({ setting }) => setting === 'bucket'))
      return bucket
    const hadVolume = await hasVolume(created.store)
    if (!check && !hadVolume) await created.store.open?.()
    const volume = hadVolume ? [] : [NO_VOLUME]
    return {
      made: [...(bucket?.made ?? []), ...(check ? [] : volume)],
      left: [...(bucket?.left ?? []), ...(check ? volume : [])],
    }
  } finally {
    await created.store.close()
  }
}

/** MinIO offers no rule for uploads that were never ended, and ends them by itself after a day. */
function ofServer({ scheme }: StoreAddress): BucketSetUp {
  return scheme === 'minio' ? { abortUploadsAfterDays: 0 } : {}
}

/**
 * Whether an endpoint that is not Amazon's may be without it, which nothing but setting it would tell: then it is told, and no reason
 * for exit code 3 for ever.
 */
function mayBeWithout(address: StoreAddress, { setting }: Difference): boolean {
  return address.scheme === 's3' && address.endpoint !== undefined && setting === 'abort-uploads'
}

async function visitBucket(
  store: Pick<BucketStore, 'diffBucket' | 'setUpBucket'>,
  wanted: BucketSetUp,
  check: boolean,
): Promise<Outcome> {
  const before = await store.diffBucket(wanted)
  if (check || before.every(({ unsupported }) => unsupported)) return { made: [], left: before }
  const left = await store.setUpBucket(wanted)
  const isLeft = new Set(left.map(({ setting }) => setting))
  return { made: before.filter(({ setting }) => !isLeft.has(setting)), left }
}

async function hasVolume(store: ObjectStore): Promise<boolean> {
  try {
    await store.identity?.()
    return true
  } catch (error) {
    if (isMediaError(error) && error.reason === 'volume-offline') return false
    throw error
  }
}

/** Records, in the database or the folder, and keys. */
async function visitRecords(context: CommandContext, check: boolean): Promise<Outcome> {
  const { config, streams } = context
  const is = await lookAtCatalog(resolve(streams.cwd, config.data), config.databaseUrl)
  const missing: Difference[] =
    is === 'ready' ? [] : [{ setting: 'records', is, wanted: 'there', unsupported: false }]
  if (check) return { made: [], left: missing }
  // Opening checks the whole composition, too.
  await withStore(context, async () => {})
  return { made: missing, left: [] }
}

/** @returns how many differences are left that could be set */
async function tell(
  { output }: CommandContext,
  store: string,
  { made, left }: Outcome,
  check: boolean,
): Promise<number> {
  const open = left.filter(({ unsupported }) => !unsupported)
  const lines = [
    ...made.map(({ setting, is, wanted }) => `made    ${setting}: it was ${is}, now ${wanted}`),
    ...open.map(({ setting, is, wanted }) => `DIFFERS ${setting}: it is ${is}, wanted ${wanted}`),
    ...left
      .filter(({ unsupported }) => unsupported)
      .map(({ setting, wanted }) => `note    ${setting}: wanted ${wanted}, which the endpoint may not offer`),
  ]
  const text =
    lines.length === 0 ? `ok      ${store}` : [store, ...lines.map((line) => `  ${line}`)].join('\n')
  await output.item({ store, ok: open.length === 0, check, made, left }, text)
  return open.length
}

function setUpOf({ versioning, encryption, temporary }: InitFlags): BucketSetUp {
  return {
    ...(versioning === true ? { versioning: 'enabled' as const } : {}),
    ...(encryption === true ? { encryption: 'on' as const } : {}),
    ...(temporary === undefined ? {} : { temporary: temporaryOf(temporary) }),
  }
}

/** `PREFIX=DAYS` */
function temporaryOf(text: string): NonNullable<BucketSetUp['temporary']> {
  const [, prefix, days] = /^([^=]{1,512})=(\d{1,4})$/.exec(text) ?? []
  const expireAfterDays = Number(days)
  if (prefix !== undefined && expireAfterDays >= 1) return { prefix, expireAfterDays }
  throw new UsageError('--temporary takes PREFIX=DAYS, for instance temp/=1')
}
