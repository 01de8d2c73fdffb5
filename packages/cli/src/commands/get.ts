import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type ByteRange, MediaError, parseRange } from '@mediakeep/core'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
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
  return withStore(context, async (store) => {
    const media = await store.stat(ref)
    if (media === undefined) throw new MediaError('MEDIA_ABSENT', `there is no media ${reference}`)
    const range = flags.range === undefined ? undefined : rangeOf(flags.range, media.sizeBytes)
    await using reader = await store.open(media, {
      signal: context.signal,
      ...(range === undefined ? {} : { range }),
    })
    if (flags.output === undefined || flags.output === '-') {
      await pipeline(reader.stream(), context.streams.stdout, { end: false, signal: context.signal })
      return DONE
    }
    const target = resolve(context.streams.cwd, flags.output)
    const partial = join(dirname(target), `.${basename(target)}.${process.pid}.partial`)
    const bar = context.progress.start(basename(target), reader.sizeBytes)
    try {
      let done = 0
      const stream = reader.stream()
      stream.on('data', (chunk: Buffer) => bar.update((done += chunk.length)))
      await pipeline(stream, createWriteStream(partial, { flags: 'wx' }), { signal: context.signal })
      await rename(partial, target)
    } finally {
      bar.end()
      context.progress.stop()
      await rm(partial, { force: true })
    }
    context.output.note(`${formatBytes(reader.sizeBytes)} written to ${flags.output}`)
    return DONE
  })
}

/** `0-99`, `500-` or `-500`, as in HTTP. */
function rangeOf(text: string, sizeBytes: number): ByteRange {
  const parsed = parseRange(`bytes=${text}`, sizeBytes)
  if (parsed.type === 'single') return parsed.range
  if (parsed.type === 'unsatisfiable')
    throw new MediaError('MEDIA_RANGE', `the media has ${sizeBytes} bytes: ${text} is outside`)
  throw new UsageError(`--range ${text}: give one range such as 0-99, 500- or -500`)
}
