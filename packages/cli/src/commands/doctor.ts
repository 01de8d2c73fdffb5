import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fsStore } from '@mediakeep/adapters/fs'
import { isMediaError, memoryStore } from '@mediakeep/core'
import { type ObjectStoreHarness, objectStoreConformance, runConformance } from '@mediakeep/testkit'
import { DONE, type ExitCode, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { openMediaStore } from '../open-media-store.ts'
import type { CommandContext } from './context.ts'

/** `doctor [URL]`: does this machine, and this backend, keep what we promise? Leaves nothing behind. */
export async function doctorCommand(context: CommandContext, url: string | undefined): Promise<ExitCode> {
  const folder = url === undefined ? resolve(context.streams.cwd, context.config.data) : undefined
  let faults = folder === undefined ? 0 : await checkEmbedded(context, folder)
  const target = url === undefined ? undefined : new URL(parseable(url))
  faults += await runKit(context, target, folder)
  await context.output.item(
    { check: 'verdict', ok: faults === 0, faults },
    faults === 0 ? 'all is well' : `${faults} faults`,
  )
  return faults === 0 ? DONE : FOUND_DAMAGE
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
      await context.output.item(
        { check: 'embedded-store', ok: false, error: why },
        `FAILED  the embedded store in ${folder}: ${why}`,
      )
      return 1
    }
  })
}

async function runKit(
  context: CommandContext,
  target: URL | undefined,
  folder: string | undefined,
): Promise<number> {
  if (target?.protocol === 'memory:') return runHarness(context, memoryHarness())
  if (target !== undefined && target.protocol !== 'file:')
    throw new UsageError(`doctor knows file: and memory: backends, not ${target.protocol}`)
  const root = target === undefined ? (folder as string) : fileURLToPath(target)
  try {
    return await withScratch(root, (scratch) => runHarness(context, fsHarness(scratch)))
  } catch (error) {
    if (!isMediaError(error)) throw error
    await context.output.item(
      { check: 'folder', ok: false, error: error.message },
      `FAILED  ${error.message}`,
    )
    return 1
  }
}

async function runHarness(context: CommandContext, harness: ObjectStoreHarness): Promise<number> {
  const counts = { passed: 0, failed: 0, skipped: 0, waived: 0 }
  for await (const result of runConformance(objectStoreConformance(harness))) {
    context.signal.throwIfAborted()
    counts[result.outcome]++
    const line = {
      check: result.id,
      claim: result.claim,
      outcome: result.outcome,
      ...(result.error === undefined ? {} : { error: result.error.message }),
    }
    if (result.outcome === 'failed')
      await context.output.item(line, `FAILED  ${result.claim}: ${result.error?.message ?? ''}`)
    else if (context.output.json) await context.output.item(line, '')
  }
  await context.output.item(
    { check: 'conformance', ok: counts.failed === 0, ...counts },
    `${counts.failed === 0 ? 'ok     ' : 'FAILED '} conformance: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} do not apply`,
  )
  return counts.failed
}

/** One volume for all cases, opened anew for each: making its folders 200 times would be most of the time. */
function fsHarness(scratch: string): ObjectStoreHarness {
  const root = join(scratch, 'volume')
  const create = async () => {
    const store = fsStore({ root })
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
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
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

function parseable(url: string): string {
  if (URL.canParse(url)) return url
  throw new UsageError(`"${url}" is no store address: give file:///FOLDER or memory:`)
}
