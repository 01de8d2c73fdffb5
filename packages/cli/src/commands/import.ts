import { createHash } from 'node:crypto'
import { constants, type Dirent } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMediaError, type Media, type MediaStore, type PutOptions } from '@mediakeep/core'
import { DONE, type ExitCode, FAILED, UsageError } from '../exit-codes.ts'
import { formatBytes, inLine } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'

export interface ImportFlags {
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly public?: boolean
}

/** Files taken in at once: enough that syncs are shared. */
const AT_ONCE = 4

type Outcome = 'stored' | 'replaced' | 'unchanged' | 'skipped' | 'failed'
type Counts = { bytes: number } & { [Name in Outcome]: number }

/** A file below the folder; `skipped`: why it is passed over; `failed`: why it, or the folder, cannot be taken. */
interface Found {
  readonly path: string
  /** Parts from the folder down, joined by slashes: the key. */
  readonly key: string
  readonly filename: string
  readonly skipped?: string
  readonly failed?: string
}

/**
 * `import FOLDER`: stores every file below a folder, its path from there as key. A file whose key has the same bytes already is
 * left, so a run that was interrupted goes on. Links are not followed. Exit code 1 when a file could not be stored.
 */
export async function importCommand(
  context: CommandContext,
  source: string,
  flags: ImportFlags,
): Promise<ExitCode> {
  const folder = await folderOf(context, source)
  const options: PutOptions = {
    ...(flags.owner === undefined ? {} : { owner: flags.owner }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.public === true ? { visibility: 'public' as const } : {}),
  }
  return withStore(context, async (store) => {
    const counts: Counts = { stored: 0, replaced: 0, unchanged: 0, skipped: 0, failed: 0, bytes: 0 }
    const own = await realpath(resolve(context.streams.cwd, context.config.data))
    const files = filesBelow(folder, '', own)
    const bar = context.progress.start(source, undefined)
    const take = async (): Promise<void> => {
      for (let next = await files.next(); next.done !== true; next = await files.next()) {
        context.signal.throwIfAborted()
        await importFile(context, store, next.value, options, counts)
        bar.update(counts.bytes)
      }
    }
    try {
      const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, take))
      for (const end of ended) if (end.status === 'rejected') throw end.reason
    } finally {
      bar.end()
      context.progress.stop()
    }
    const { stored, replaced, unchanged, skipped, failed, bytes } = counts
    await context.output.item(
      counts,
      `${stored} stored, ${replaced} replaced, ${unchanged} unchanged, ${skipped} skipped, ${failed} failed; ${formatBytes(bytes)}`,
    )
    return failed === 0 ? DONE : FAILED
  })
}

async function folderOf({ streams }: CommandContext, source: string): Promise<string> {
  // A variable that is not set would bring in whatever lies here.
  if (source === '') throw new UsageError('import takes a folder; "." is this one')
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source) ?? []
  if (scheme !== undefined && scheme.toLowerCase() !== 'file')
    throw new UsageError(`import takes a folder of files; ${scheme}:// addresses cannot be imported`)
  const path = scheme === undefined ? resolve(streams.cwd, source) : pathOfAddress(source)
  const about = await stat(path).catch(() => undefined)
  if (about === undefined) throw new UsageError(`there is no folder ${source}`)
  if (!about.isDirectory())
    throw new UsageError(`${source} is not a folder; mediakeep put stores single files`)
  return path
}

/** Of this host, and of one path. */
function pathOfAddress(address: string): string {
  try {
    return fileURLToPath(address)
  } catch {
    throw new UsageError(`${address} is no folder of this host`)
  }
}

/** Depth first, by name, so that two runs meet the files in the same order. `own`: the store's folder, which is passed over. */
async function* filesBelow(folder: string, prefix: string, own: string): AsyncGenerator<Found> {
  let entries: Dirent[]
  try {
    if ((await realpath(folder)) === own) {
      yield { path: folder, key: prefix, filename: '', skipped: 'it is the folder of this store' }
      return
    }
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (prefix === '' || !isOfThisFile(error)) throw error
    yield { path: folder, key: prefix, filename: '', failed: reasonOf(error, folder) }
    return
  }
  const names = new Set(entries.map(({ name }) => name))
  const taken = new Set<string>()
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    const key = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    const found = { path, key, filename: entry.name }
    const isSame = isTaken(entry.name, names, taken)
    if (!entry.isDirectory() && !entry.isFile()) yield { ...found, skipped: kindOf(entry) }
    else if (isSame)
      yield { ...found, failed: 'its name is that of another one, written in other characters' }
    else if (entry.isDirectory()) yield* filesBelow(path, key, own)
    else yield found
  }
}

/**
 * Whether another entry has the same name once accents are written in one way, as they are in keys: two files of one key would
 * replace each other with every run. The one that is written so already has it, else the first.
 */
function isTaken(name: string, names: ReadonlySet<string>, taken: Set<string>): boolean {
  const normal = name.normalize('NFC')
  if (normal === name) return false
  if (names.has(normal) || taken.has(normal)) return true
  taken.add(normal)
  return false
}

function kindOf(entry: Dirent): string {
  if (entry.isSymbolicLink()) return 'links are not followed'
  return 'it is no regular file'
}

async function importFile(
  context: CommandContext,
  store: MediaStore,
  { path, key, filename, skipped, failed }: Found,
  options: PutOptions,
  counts: Counts,
): Promise<void> {
  const tell = async (outcome: Outcome, about: { media?: Media; reason?: string }): Promise<void> => {
    counts[outcome]++
    const { media, reason: why } = about
    const more = why === undefined ? '' : `: ${why}`
    await context.output[outcome === 'failed' ? 'fault' : 'item'](
      {
        outcome,
        key,
        ...(media === undefined ? {} : { id: media.id }),
        ...(why === undefined ? {} : { reason: why }),
      },
      `${outcome.padEnd(9)} ${inLine(key)}${inLine(more)}`,
    )
  }
  if (skipped !== undefined) return tell('skipped', { reason: skipped })
  if (failed !== undefined) return tell('failed', { reason: failed })
  let file: FileHandle | undefined
  try {
    // Neither a link nor a pipe that has taken the file's place meanwhile is followed or waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const about = await file.stat()
    const { size } = about
    if (!about.isFile()) return await tell('skipped', { reason: 'it is no regular file' })
    const before = await store.stat({ key }, { signal: context.signal })
    if (before?.sizeBytes === size && before.digest === (await digestOf(file))) {
      counts.bytes += size
      return await tell('unchanged', { media: before })
    }
    const media = await store.put(file.createReadStream({ start: 0, autoClose: false }), {
      ...options,
      at: { key },
      filename,
      sizeBytes: size,
      signal: context.signal,
    })
    counts.bytes += size
    await tell(before === undefined ? 'stored' : 'replaced', { media })
  } catch (error) {
    if (!isOfThisFile(error)) throw error
    await tell('failed', { reason: reasonOf(error, path) })
  } finally {
    await file?.close()
  }
}

/** Refused for what it is or where it lies; what keeps every other file out too ends the run. */
function isOfThisFile(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  if (isMediaError(error))
    return !['MEDIA_NO_SPACE', 'MEDIA_QUOTA', 'MEDIA_UNAVAILABLE', 'MEDIA_CLOSED', 'MEDIA_BUSY'].includes(
      error.code,
    )
  return 'syscall' in error
}

/** Bytes of a name that are no text come as replacement characters, under which there is nothing. */
const reasonOf = (error: Error, path: string): string =>
  'code' in error && error.code === 'ENOENT' && path.includes('\ufffd')
    ? 'its name is not UTF-8'
    : error.message

async function digestOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>)
    hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}
