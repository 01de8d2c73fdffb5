import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import {
  type AdoptOptions,
  type CallScope,
  checkDigest,
  type Digest,
  digestFromHex,
  MediaError,
  type ObjectHead,
} from '@mediakeep/core'
import { FILE_MODE, type FileStat, type FsPromises, READ_FLAGS, SIDECAR_BIT } from './calls.ts'
import { errnoOf } from './errors.ts'
import { READ_BYTES } from './file-stream.ts'
import type { Place } from './names.ts'
import { publish } from './publish.ts'
import { sidecarOf } from './sidecar.ts'
import { type TempFile, tempFileOf } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

/**
 * Takes over a local file: by rename on the same file system, else by reflink or copy. The original is gone when it has succeeded,
 * and as it was when it has failed. With `keepsFile` it stays, as another name of the object or as a copy.
 */
export async function adoptFile(
  volume: Volume,
  place: Place,
  filePath: string,
  options: AdoptOptions,
  scope: CallScope,
): Promise<ObjectHead> {
  const { fs, paths } = volume
  const sidecar = sidecarOf(place, options)
  const mode = sidecar === undefined ? FILE_MODE : FILE_MODE | SIDECAR_BIT
  const original = await openOriginal(fs, filePath)
  try {
    if (options.checksum !== undefined) await verifyFile(fs, original.fd, options.checksum, scope)
    scope.check()
    // A file with a second name could be changed through it after we took it over: such a one is copied.
    const home = fs.fstat(original.fd)
    const canMove = home.nlink === 1 && (await deviceOf(volume, paths.shard(place.shard))) === home.dev
    if (canMove) {
      if ((home.mode & 0o777) !== mode) await fs.fchmod(original.fd, mode)
      try {
        return await publish(volume, movable(original, filePath), {
          place,
          options,
          sidecar,
          signal: scope.signal,
          keepsFile: options.keepsFile === true,
        })
      } catch (error) {
        // Bind mounts: one device, and still no rename.
        if (errnoOf(error) !== 'EXDEV') throw error
      }
    }
    const head = await adoptCopy(volume, place, filePath, mode, {
      place,
      options,
      sidecar,
      signal: scope.signal,
    })
    if (options.keepsFile === true) return head
    await fs.unlink(filePath).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error
    })
    return head
  } finally {
    await original.closeSynced().catch(() => {})
  }
}

const devices = new WeakMap<Volume, Map<string, number>>()

/** Asked once: a folder in use does not move to another file system, and where one did the rename says so. */
async function deviceOf(volume: Volume, folder: string): Promise<number> {
  const known = devices.get(volume) ?? new Map<string, number>()
  devices.set(volume, known)
  const device = known.get(folder) ?? (await volume.fs.lstat(folder)).dev
  known.set(folder, device)
  return device
}

/** Dropping what was not published must leave the original where it is. */
function movable(original: TempFile, filePath: string): TempFile {
  const nothing = async (): Promise<void> => {}
  return {
    path: filePath,
    fd: original.fd,
    close: nothing,
    closeSynced: nothing,
    drop: nothing,
    published: () => {},
  }
}

async function adoptCopy(
  volume: Volume,
  place: Place,
  filePath: string,
  mode: number,
  request: Parameters<typeof publish>[2],
): Promise<ObjectHead> {
  const { fs, paths } = volume
  const name = volume.names.next()
  const path = `${paths.shard(place.shard)}/${name}`
  const abandon = (): void => volume.names.abandon(name)
  let file: TempFile | undefined
  try {
    await fs.copyFile(filePath, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    const fd = await fs.open(path, constants.O_RDWR | constants.O_NOFOLLOW)
    file = tempFileOf(fs, path, fd, abandon)
    await fs.fchmod(fd, mode)
    return await publish(volume, file, request)
  } catch (error) {
    if (file === undefined) await fs.unlink(path).catch(abandon)
    await file?.drop()
    throw error
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `not-a-file` for a link, a directory, a pipe, and where nothing is. */
async function openOriginal(fs: FsPromises, filePath: string): Promise<TempFile> {
  let fd: number
  try {
    fd = await fs.open(filePath, READ_FLAGS)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw notOriginal(filePath, error)
    throw error
  }
  const stat: FileStat = fs.fstat(fd)
  if (stat.isFile()) return tempFileOf(fs, filePath, fd)
  await fs.closeSynced(fd)
  throw notOriginal(filePath, undefined)
}

function notOriginal(filePath: string, cause: unknown): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `${filePath} is not a file that can be taken over`, {
    reason: 'not-a-file',
    cause,
  })
}

async function verifyFile(fs: FsPromises, fd: number, checksum: Digest, scope: CallScope): Promise<void> {
  const hash = createHash('sha256')
  const block = Buffer.allocUnsafeSlow(READ_BYTES)
  for (let position = 0; ; ) {
    scope.check()
    const got = await fs.read(fd, block, position)
    hash.update(block.subarray(0, got))
    position += got
    if (got < READ_BYTES) break
  }
  checkDigest(digestFromHex(hash.digest('hex')), checksum)
}
