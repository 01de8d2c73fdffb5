import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Body, JsonObject, Media, MediaStore, PutOptions } from '@mediakeep/core'
import { DONE, type ExitCode, PartlyDone, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'

export interface PutFlags {
  readonly key?: string
  readonly filename?: string
  readonly type?: string
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly public?: boolean
  readonly metadata?: string
}

/** `put FILE...`: stores each file and prints its record. `-` is standard input. */
export async function putCommand(
  context: CommandContext,
  files: readonly string[],
  flags: PutFlags,
): Promise<ExitCode> {
  if (files.length > 1 && (flags.key !== undefined || flags.filename !== undefined)) {
    throw new UsageError('--key and --filename name one media: give them with one FILE')
  }
  const shared = sharedOptions(flags)
  // Before the first is stored: wrong usage means that nothing was tried.
  for (const file of files) await bodyOf(context, file)
  if (files.filter((file) => file === '-').length > 1)
    throw new UsageError('- is standard input, which can be read once: give it once')
  return withStore(context, async (store) => {
    let stored = 0
    try {
      for (const file of files) {
        await putOne(context, store, file, shared)
        stored++
      }
    } catch (error) {
      throw stored === 0 ? error : new PartlyDone(error)
    } finally {
      context.progress.stop()
    }
    return DONE
  })
}

async function putOne(
  context: CommandContext,
  store: MediaStore,
  file: string,
  shared: PutOptions,
): Promise<void> {
  const { body, name, sizeBytes } = await bodyOf(context, file)
  const bar = context.progress.start(name, sizeBytes)
  const media = await store.put(body, {
    filename: name,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...shared,
    signal: context.signal,
    onProgress: (receivedBytes) => bar.update(receivedBytes),
  })
  bar.end()
  await context.output.item(media, describe(media))
}

async function bodyOf(
  context: CommandContext,
  file: string,
): Promise<{ body: Body; name: string; sizeBytes?: number }> {
  if (file === '-') return { body: context.streams.stdin, name: 'stdin' }
  const path = resolve(context.streams.cwd, file)
  const about = await stat(path).catch(() => undefined)
  if (about === undefined) throw new UsageError(`there is no file ${file}`)
  if (!about.isFile()) throw new UsageError(`${file} is not a file`)
  return { body: { path }, name: basename(path), sizeBytes: about.size }
}

function sharedOptions(flags: PutFlags): PutOptions {
  return {
    ...(flags.key === undefined ? {} : { at: { key: flags.key } }),
    ...(flags.filename === undefined ? {} : { filename: flags.filename }),
    ...(flags.type === undefined ? {} : { contentType: flags.type }),
    ...(flags.owner === undefined ? {} : { owner: flags.owner }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.public === true ? { visibility: 'public' as const } : {}),
    ...(flags.metadata === undefined ? {} : { metadata: parseMetadataFlag(flags.metadata) }),
  }
}

function parseMetadataFlag(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  } catch {
    // told below
  }
  throw new UsageError('--metadata is a JSON object, for instance \'{"title":"Dawn"}\'')
}

/** One line about a record. */
export function describe(media: Media): string {
  return `${media.id}  ${formatBytes(media.sizeBytes).padStart(10)}  ${media.contentType.padEnd(16)}  ${media.key ?? media.filename}`
}
