import { MediaError, type PutObjectOptions } from '@mediakeep/core'
import { type FileStat, type FsPromises, READ_FLAGS, SIDECAR_BIT } from './calls.ts'
import { errnoOf } from './errors.ts'
import type { Paths } from './layout.ts'
import type { Place } from './names.ts'

/**
 * What an object has beside its bytes. It lies in `<file name>~<generation>` and is written and synced before the object is
 * published. The generation is the object's own modification time, so the rename that publishes the bytes chooses the sidecar
 * with them: a reader holds an open file, and through its time exactly the sidecar that belongs to those bytes.
 */
export interface Sidecar {
  /** Present where the file name does not tell it. */
  readonly key?: string
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
}

const MAX_SIDECAR_BYTES = 65_536

/** undefined when the object needs none: it then costs no second file. */
export function sidecarOf(place: Place, options: PutObjectOptions): Buffer | undefined {
  const { contentType, metadata } = options
  if (contentType === undefined && metadata === undefined && !place.long) return undefined
  const sidecar: Sidecar = {
    ...(place.long ? { key: place.key } : {}),
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
  }
  const bytes = Buffer.from(JSON.stringify(sidecar))
  if (bytes.byteLength <= MAX_SIDECAR_BYTES) return bytes
  const message = `content type and metadata take ${bytes.byteLength} bytes, more than ${MAX_SIDECAR_BYTES}`
  throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'metadata-too-large' })
}

/** Microseconds: what survives the way through a number of milliseconds. */
export function generationOf(stat: FileStat): number {
  return Math.round(stat.mtimeMs * 1000)
}

export function sidecarPath(objectPath: string, generation: number): string {
  return `${objectPath}~${generation.toString(36)}`
}

export function hasSidecar(stat: FileStat): boolean {
  return (stat.mode & SIDECAR_BIT) !== 0
}

/**
 * The sidecar of the object whose file has `stat`; `changed` when the key holds other bytes by now: look again from the start.
 * @throws MediaError MEDIA_CORRUPT `sidecar-damaged`
 */
export async function readSidecar(
  fs: FsPromises,
  paths: Paths,
  place: Place,
  stat: FileStat,
): Promise<Sidecar | 'changed'> {
  const objectPath = paths.object(place)
  const exact = await readSidecarFile(fs, sidecarPath(objectPath, generationOf(stat)))
  if (exact !== undefined) return exact
  if (!(await isStillThere(fs, objectPath, stat))) return 'changed'
  // Copied back from a backup that keeps no times: what is left beside the object is then its only sidecar.
  const names = await fs.readdir(paths.shard(place.shard))
  const candidates = names.filter((name) => name.startsWith(`${place.fileName}~`))
  const [only] = candidates
  const found =
    candidates.length === 1 ? await readSidecarFile(fs, `${paths.shard(place.shard)}/${only}`) : undefined
  if (!(await isStillThere(fs, objectPath, stat))) return 'changed'
  if (found !== undefined) return found
  throw damaged(place, `${candidates.length} sidecars lie beside the object, none is its own`)
}

async function isStillThere(fs: FsPromises, objectPath: string, stat: FileStat): Promise<boolean> {
  try {
    const now = await fs.lstat(objectPath)
    return now.ino === stat.ino && now.dev === stat.dev && now.mtimeMs === stat.mtimeMs
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

/** undefined when absent. */
export async function readSidecarFile(fs: FsPromises, path: string): Promise<Sidecar | undefined> {
  let fd: number
  try {
    fd = await fs.open(path, READ_FLAGS)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const buffer = Buffer.allocUnsafe(Math.min(fs.fstat(fd).size, MAX_SIDECAR_BYTES))
    const sizeBytes = await fs.read(fd, buffer, 0)
    return parseSidecar(path, buffer.toString('utf8', 0, sizeBytes))
  } finally {
    await fs.close(fd)
  }
}

function parseSidecar(path: string, text: string): Sidecar {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MediaError('MEDIA_CORRUPT', `${path} is not a sidecar`, {
      reason: 'sidecar-damaged',
      cause: error,
    })
  }
  if (isSidecar(value)) return value
  throw new MediaError('MEDIA_CORRUPT', `${path} is not a sidecar`, { reason: 'sidecar-damaged' })
}

function isSidecar(value: unknown): value is Sidecar {
  if (typeof value !== 'object' || value === null) return false
  const { key, contentType, metadata } = value as Record<string, unknown>
  const isText = (field: unknown): boolean => field === undefined || typeof field === 'string'
  if (!isText(key) || !isText(contentType)) return false
  if (metadata === undefined) return true
  return (
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.values(metadata).every((field) => typeof field === 'string')
  )
}

function damaged(place: Place, what: string): MediaError {
  return new MediaError('MEDIA_CORRUPT', `${place.key}: ${what}`, { reason: 'sidecar-damaged' })
}
