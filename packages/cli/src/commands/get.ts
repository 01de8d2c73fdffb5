import { randomUUID } from 'node:crypto'
import { createWriteStream, type Stats } from 'node:fs'
import { chmod, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ByteRange, MediaError, parseRange } from '@mediakeep/core'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { formatBytes, isUnreadError } from '../terminal/output.ts'
import { type CommandContext, parseReference, withStore } from './context.ts'

export interface GetFlags {
  readonly output?: string
  readonly range?: string
}

/** `get REF [-o FILE] [--range FIRST-LAST]`: the bytes, to standard output or a file. A file appears whole or not at all. */
export async function getCommand(
  context: CommandContext,
  reference: string,
  flags: GetFlags,
): Promise<ExitCode> {
  const ref = parseReference(reference)
  const target =
    flags.output === undefined || flags.output === '-' ? undefined : await targetOf(context, flags.output)
  return withStore(context, async (store) => {
    const media = await store.stat(ref)
    if (media === undefined) throw new MediaError('MEDIA_ABSENT', `there is no media ${reference}`)
    const range = flags.range === undefined ? undefined : rangeOf(flags.range, media.sizeBytes)
    await using reader = await store.open(media, {
      signal: context.signal,
      ...(range === undefined ? {} : { range }),
    })
    if (target === undefined) {
      await pipeline(reader.stream(), context.streams.stdout, { end: false, signal: context.signal }).catch(
        (error: unknown) => {
          // Whoever reads has what was wanted, as `head` has.
          if (!isUnreadError(error)) throw error
        },
      )
      return DONE
    }
    const bar = context.progress.start(basename(target.path), reader.sizeBytes)
    try {
      let done = 0
      const stream = reader.stream()
      stream.on('data', (chunk: Buffer) => bar.update((done += chunk.length)))
      await writeTo(target, stream, context.signal)
    } finally {
      bar.end()
      context.progress.stop()
    }
    context.output.note(`${formatBytes(reader.sizeBytes)} written to ${flags.output}`)
    return DONE
  })
}

/** A file to write; `before`: what is there under its name. */
interface Target {
  readonly path: string
  readonly before: Stats | undefined
}

/** Looked at before anything is read. A link stays, and what it points to is written. @throws UsageError for what is no file */
async function targetOf({ streams }: CommandContext, output: string): Promise<Target> {
  const named = resolve(streams.cwd, output)
  const path = await realpath(named).catch(() => named)
  const before = await stat(path).catch(() => undefined)
  if (before?.isDirectory() === true)
    throw new UsageError(`-o ${output}: it is a folder; give the name of a file`)
  const folder = await stat(dirname(path)).catch(() => undefined)
  if (folder?.isDirectory() !== true)
    throw new UsageError(`-o ${output}: there is no folder ${dirname(path)}`)
  return { path, before }
}

/** A file appears whole or not at all, also after a power cut; a device or a pipe is written to as it is. */
async function writeTo({ path, before }: Target, stream: Readable, signal: AbortSignal): Promise<void> {
  if (before !== undefined && !before.isFile()) {
    await pipeline(stream, createWriteStream(path, { flags: 'r+' }), { signal })
    return
  }
  // Not made from the name, which may be as long as names can be.
  const partial = join(dirname(path), `.mediakeep-${randomUUID()}.partial`)
  try {
    const mode = before === undefined ? 0o666 : before.mode & 0o777
    await pipeline(stream, createWriteStream(partial, { flags: 'wx', mode, flush: true }), { signal })
    // The umask took from it what the file before may have had.
    if (before !== undefined) await chmod(partial, mode)
    await rename(partial, path)
  } finally {
    await rm(partial, { force: true })
  }
}

/** `0-99`, `500-` or `-500`, as in HTTP. */
function rangeOf(text: string, sizeBytes: number): ByteRange {
  const parsed = parseRange(`bytes=${text}`, sizeBytes)
  if (parsed.type === 'single') return parsed.range
  if (parsed.type === 'unsatisfiable')
    throw new MediaError('MEDIA_RANGE', `the media has ${sizeBytes} bytes: ${text} is outside`)
  throw new UsageError(`--range ${text}: give one range such as 0-99, 500- or -500`)
}
