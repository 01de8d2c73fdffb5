import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import type { BucketStore } from '@mediakeep/adapters/s3'
import { isMediaError, makeFolder, memoryStore, type ObjectStore } from '@mediakeep/core'
import { type ObjectStoreHarness, objectStoreConformance } from '@mediakeep/testkit'
import { DONE, type ExitCode, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { openMediaStore } from '../open-media-store.ts'
import { formatStoreUrl, parseStoreUrl, type StoreAddress } from '../stores/address.ts'
import { configuredTiers } from '../stores/configured.ts'
import { createStore } from '../stores/create-store.ts'
import { type ProbeResult, probeStore } from '../stores/probe.ts'
import type { CommandContext } from './context.ts'
import { checkDatabase } from './doctor-database.ts'
import { checkRedis, isRedisUrl } from './doctor-redis.ts'
import { runKit } from './run-kit.ts'

/**
 * `doctor [URL]`: does this machine, and this backend, keep what we promise? Folders and memory are put through the whole conformance
 * kit, in a volume of their own, a Redis under a prefix of its own; stores that may be in use through checks that touch nothing but
 * objects of their own. Leaves nothing behind.
 */
export async function doctorCommand(context: CommandContext, url: string | undefined): Promise<ExitCode> {
  const faults = await checkOne(context, url)
  await context.output.item(
    { check: 'verdict', ok: faults === 0, faults },
    faults === 0 ? 'all is well' : `${faults} faults`,
  )
  return faults === 0 ? DONE : FOUND_DAMAGE
}

async function checkOne(context: CommandContext, url: string | undefined): Promise<number> {
  if (url === undefined) return checkHere(context)
  if (isRedisUrl(url)) return checkRedis(context, url)
  return checkAddress(context, parseStoreUrl(url))
}

/** The embedded store, its folder, and the stores of the settings that are elsewhere. */
async function checkHere(context: CommandContext): Promise<number> {
  const { config, streams } = context
  const folder = resolve(streams.cwd, config.data)
  let faults = await checkEmbedded(context, folder)
  faults += await checkFolder(context, folder)
  if (config.databaseUrl !== undefined) faults += await checkDatabase(context, config.databaseUrl)
  if (config.redisUrl !== undefined) faults += await checkRedis(context, config.redisUrl)
  for (const { setting, address } of configuredTiers(config, streams.cwd))
    if (setting.url !== undefined && setting.role !== 'external')
      faults += await checkLive(context, address, setting.name)
  return faults
}

async function checkAddress(context: CommandContext, address: StoreAddress): Promise<number> {
  if (address.scheme === 'memory') return runKit(context, objectStoreConformance(memoryHarness()))
  if (address.scheme === 'file') return checkFolder(context, address.folder)
  return checkLive(context, address, undefined)
}

/** A store that may be in use. */
async function checkLive(
  context: CommandContext,
  address: StoreAddress,
  tier: string | undefined,
): Promise<number> {
  const { output, streams, signal } = context
  const name = formatStoreUrl(address)
  const created = await createStore(address, {
    env: streams.env,
    create: false,
    ...(tier === undefined ? {} : { tier }),
  })
  let faults = 0
  const tell = async ({ check, claim, outcome, detail }: ProbeResult): Promise<void> => {
    if (outcome === 'failed') faults++
    const word = { passed: 'ok     ', failed: 'FAILED ', note: 'note   ' }[outcome]
    const more = detail === undefined ? '' : `: ${detail}`
    await output[outcome === 'failed' ? 'fault' : 'item'](
      { store: name, check, claim, outcome, ...(detail === undefined ? {} : { detail }) },
      `${word} ${check === 'volume' ? `${name}: ` : ''}${claim}${more}`,
    )
  }
  try {
    if (created.kind === 'bucket') for (const result of await lookAtBucket(created.store)) await tell(result)
    const opened = await lookAtVolume(created.store)
    await tell(opened)
    if (opened.outcome === 'passed')
      for await (const result of probeStore(created.store, signal)) await tell(result)
  } finally {
    await created.store.close()
  }
  return faults
}

async function lookAtVolume(store: ObjectStore): Promise<ProbeResult> {
  const about = {
    check: 'volume',
    claim: 'it can be reached, takes the credentials, and holds a volume of ours',
  }
  try {
    await store.open?.()
    await store.identity?.()
    return { ...about, outcome: 'passed' }
  } catch (error) {
    if (!isMediaError(error)) throw error
    const hint = error.reason === 'volume-offline' ? '; mediakeep init makes what is missing' : ''
    return { ...about, outcome: 'failed', detail: `${error.message}${hint}` }
  }
}

/** A bucket that everybody may read is a fault; other settings are the operator's choice. */
async function lookAtBucket(store: Pick<BucketStore, 'diffBucket'>): Promise<readonly ProbeResult[]> {
  try {
    return (await store.diffBucket()).map(({ setting, is, wanted }) => ({
      check: `setting-${setting}`,
      claim: `the setting ${setting} of the bucket is as init makes it`,
      outcome: setting === 'private' ? ('failed' as const) : ('note' as const),
      detail: `it is ${is}, wanted ${wanted}`,
    }))
  } catch (error) {
    if (!isMediaError(error)) throw error
    // Reading settings needs rights of its own; whether objects can be used is asked below.
    return [
      {
        check: 'settings',
        claim: 'the settings of the bucket can be read',
        outcome: 'note',
        detail: error.message,
      },
    ]
  }
}

/** Opens the embedded store in a folder of its own below `folder`, puts and reads a body. */
async function checkEmbedded(context: CommandContext, folder: string): Promise<number> {
  return withScratch(folder, async (scratch) => {
    try {
      const store = await openMediaStore(scratch, { upkeep: { intervalMs: 0 } })
      try {
        const media = await store.put(Buffer.from('doctor'), { filename: 'doctor.txt' })
        await using reader = await store.open(media.id)
        const back = Buffer.from(await reader.bytes({ maxBytes: 100 })).toString()
        if (back !== 'doctor') throw new Error('the bytes that came back are others')
      } finally {
        await store.close()
      }
      await context.output.item(
        { check: 'embedded-store', ok: true },
        `ok      the embedded store works in ${folder}`,
      )
      return 0
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      await context.output.fault(
        { check: 'embedded-store', ok: false, error: why },
        `FAILED  the embedded store in ${folder}: ${why}`,
      )
      return 1
    }
  })
}

async function checkFolder(context: CommandContext, root: string): Promise<number> {
  try {
    return await withScratch(root, (scratch) => runKit(context, objectStoreConformance(fsHarness(scratch))))
  } catch (error) {
    if (!isMediaError(error)) throw error
    await context.output.fault(
      { check: 'folder', ok: false, error: error.message },
      `FAILED  ${error.message}`,
    )
    return 1
  }
}

/** One volume for all cases, opened anew for each: making its folders 200 times would be most of the time. */
function fsHarness(scratch: string): ObjectStoreHarness {
  const root = join(scratch, 'volume')
  const create = async () => {
    const store = fsStore({ root, sweepAfterMs: 0 })
    await store.open()
    return store
  }
  return {
    create: async () => {
      const store = await create()
      return {
        store,
        second: create,
        // Descriptors that are kept for the next reader are no leak.
        openHandles: () => store.openCount,
        directory: scratch,
        leftovers: async () => (await readdir(join(root, 'staging'))).map((name) => `staging/${name}`),
        // Lines are no objects: the next case must not find those of this one.
        cleanup: () => rm(join(root, 'journal'), { recursive: true, force: true }),
      }
    },
  }
}

function memoryHarness(): ObjectStoreHarness {
  return { create: async () => ({ store: memoryStore(), cleanup: async () => {} }) }
}

async function withScratch<T>(folder: string, work: (scratch: string) => Promise<T>): Promise<T> {
  await makeFolder(folder).catch((cause: unknown) => {
    throw new UsageError(`the folder ${folder} cannot be created`, { cause })
  })
  const scratch = await mkdtemp(join(folder, '.doctor-')).catch((cause: unknown) => {
    throw new UsageError(`the folder ${folder} cannot be written by this user`, { cause })
  })
  try {
    return await work(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
