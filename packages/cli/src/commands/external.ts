import type { ImportProgress, ReconcileProgress } from '@mediakeep/core'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { formatStoreUrl, parseStoreUrl, type StoreAddress } from '../stores/address.ts'
import { configuredTiers } from '../stores/configured.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'
import type { ImportFlags } from './import.ts'

/**
 * `import URL` of a bucket: makes media of its objects, by their keys, from the listing alone. The bucket is an `external` tier of the
 * settings: nothing in it is ever changed, and it must be there for the media to be read.
 */
export async function importBucketCommand(
  context: CommandContext,
  url: string,
  flags: ImportFlags,
): Promise<ExitCode> {
  if (flags.tag !== undefined) throw new UsageError('--tag: objects of a bucket are imported without tags')
  const { tier, prefix } = externalTierAt(context, parseStoreUrl(url))
  const { signal } = context
  return withStore(context, (store) =>
    follow(
      context,
      `import ${tier}`,
      store.tiers.importObjects({
        tier,
        signal,
        ...(prefix === '' ? {} : { prefix }),
        ...(flags.owner === undefined ? {} : { owner: flags.owner }),
        ...(flags.public === true ? { visibility: 'public' as const } : {}),
      }),
      () => '',
    ),
  )
}

export interface ReconcileFlags {
  readonly force?: boolean
}

/** `reconcile [TIER]`: brings what is known of external tiers in step with their stores. */
export async function reconcileCommand(
  context: CommandContext,
  wanted: string | undefined,
  { force = false }: ReconcileFlags,
): Promise<ExitCode> {
  const names = externalTiers(context)
    .map(({ setting }) => setting.name)
    .filter((name) => wanted === undefined || name === wanted)
  if (names.length === 0)
    throw new UsageError(
      wanted === undefined
        ? 'there is no external tier in the settings'
        : `there is no external tier ${wanted}`,
    )
  return withStore(context, async (store) => {
    for (const tier of names)
      await follow(
        context,
        `reconcile ${tier}`,
        store.tiers.reconcile({ tier, force, signal: context.signal }),
        ({ missing, forgotten }) => `; ${missing} were not listed, ${forgotten} are forgotten`,
      )
    return DONE
  })
}

const externalTiers = ({ config, streams }: CommandContext): ReturnType<typeof configuredTiers> =>
  configuredTiers(config, streams.cwd).filter(({ setting }) => setting.role === 'external')

/** Shows progress, and tells names that no media can have, then the counts. */
async function follow<Step extends ImportProgress | ReconcileProgress>(
  { output, progress }: CommandContext,
  what: string,
  steps: AsyncIterable<Step>,
  more: (last: Step) => string,
): Promise<ExitCode> {
  const bar = progress.startCount(what)
  let last: Step | undefined
  try {
    for await (const step of steps) {
      last = step
      bar.update(step.listed)
      for (const key of step.refusedKeys)
        await output.item(
          { outcome: 'refused', key },
          `refused   ${key}: the name is none that a media may have`,
        )
    }
  } finally {
    bar.end()
    progress.stop()
  }
  if (last === undefined) return DONE
  const { refusedKeys: _refusedKeys, ...counts } = last
  const { listed, bytes, registered, replaced, unchanged, taken, refused } = last
  await output.item(
    counts,
    `${listed} objects, ${formatBytes(bytes)}: ${registered} registered, ${replaced} replaced, ${unchanged} unchanged, ${taken} taken, ${refused} refused${more(last)}`,
  )
  return DONE
}

/** The external tier whose store is at the address, or above it: then only what lies below is meant. */
function externalTierAt(
  context: CommandContext,
  address: StoreAddress,
): { readonly tier: string; readonly prefix: string } {
  for (const { setting, address: at } of externalTiers(context)) {
    const below = prefixBelow(at, address)
    if (below !== undefined) return { tier: setting.name, prefix: below }
  }
  const url = formatStoreUrl(address)
  throw new UsageError(
    `no external tier of the settings is at ${url}; add {"name": "imported", "url": "${url}", "role": "external"} to tiers, behind a home tier: media are read from there`,
  )
}

type BucketAddress = Extract<StoreAddress, { readonly prefix: string }>

const bucketOf = (address: StoreAddress): BucketAddress | undefined =>
  address.scheme === 's3' || address.scheme === 'minio' ? address : undefined

/** Prefix of the keys that `inner` means below `outer`; `undefined`: it lies elsewhere. */
function prefixBelow(outer: StoreAddress, inner: StoreAddress): string | undefined {
  if (formatStoreUrl(outer) === formatStoreUrl(inner)) return ''
  const [bucket, part] = [bucketOf(outer), bucketOf(inner)]
  if (bucket === undefined || part === undefined) return undefined
  if (formatStoreUrl({ ...bucket, prefix: '' }) !== formatStoreUrl({ ...part, prefix: '' })) return undefined
  const above = bucket.prefix === '' ? '' : `${bucket.prefix}/`
  return part.prefix.startsWith(above) ? `${part.prefix.slice(above.length)}/` : undefined
}
