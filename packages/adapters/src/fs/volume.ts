import { dirname } from 'node:path'
import {
  checkVolumeLayout,
  formatVolumeMarker,
  MediaError,
  newId,
  parseVolumeMarker,
  VOLUME_MARKER,
  VOLUME_MARKER_MAX_BYTES,
  type VolumeIdentity,
} from '@mediakeep/core'
import { CREATE_FLAGS, FILE_MODE, type FsPromises, READ_FLAGS } from './calls.ts'
import { syncDirectory } from './dir-sync.ts'
import { errnoOf } from './errors.ts'
import { LAYOUT, type Paths } from './layout.ts'
import { SHARDS } from './names.ts'
import { createTempFile, TEMP_PREFIX, type TempNames } from './temp-files.ts'

export interface OpenVolumeOptions {
  readonly storeName: string
  /** Makes a volume where the folder is missing or empty. */
  readonly create: boolean
  readonly names: TempNames
}

/**
 * Opens the volume, or makes one in a missing or empty folder.
 * The marker is written last: a crash on the way leaves a folder that the next open makes whole.
 * @throws MediaError MEDIA_UNAVAILABLE `volume-offline` or `not-writable`, MEDIA_UNSUPPORTED `layout-newer`.
 */
export async function openVolume(
  fs: FsPromises,
  paths: Paths,
  options: OpenVolumeOptions,
): Promise<VolumeIdentity> {
  const { storeName } = options
  await checkRoot(fs, paths, options)
  let identity = await readMarker(fs, storeName, paths)
  if (identity === undefined) identity = await createVolume(fs, paths, options)
  await syncNames(fs, paths)
  checkVolumeLayout(`${storeName}: ${paths.root}`, identity.layout, LAYOUT)
  for (const path of [paths.objects, paths.staging]) await checkDirectory(fs, storeName, path)
  await Promise.all(SHARDS.map((shard) => checkDirectory(fs, storeName, paths.shard(shard))))
  // The rights of a folder do not tell whether it can be written (root, read-only mounts): a file does.
  const probe = await createTempFile(fs, paths.staging, options.names)
  await probe.drop()
  return identity
}

async function checkRoot(
  fs: FsPromises,
  paths: Paths,
  { storeName, create }: OpenVolumeOptions,
): Promise<void> {
  try {
    await checkDirectory(fs, storeName, paths.root)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || !create) throw error
    await makeDirectories(fs, paths.root)
  }
}

/** Makes a folder and the missing ones above it. */
async function makeDirectories(fs: FsPromises, path: string): Promise<void> {
  const parent = path.slice(0, path.lastIndexOf('/')) || '/'
  try {
    await makeDirectory(fs, path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || parent === path) throw error
    await makeDirectories(fs, parent)
    await makeDirectory(fs, path)
  }
}

/**
 * Makes the names of the volume's folders, and of those above it, survive power loss. At every open: whoever made them may have
 * died, or be still on its way to its own sync.
 */
async function syncNames(fs: FsPromises, paths: Paths): Promise<void> {
  for (const path of [paths.objects, paths.root]) await syncDirectory(fs, path)
  for (let path = paths.root; path !== dirname(path); ) {
    path = dirname(path)
    try {
      await syncDirectory(fs, path)
    } catch (error) {
      // Above the volume this process may have no rights: then it made nothing there.
      if (!['EACCES', 'EPERM', 'EROFS', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error
    }
  }
}

/** Another process may be making the same one. */
async function makeDirectory(fs: FsPromises, path: string): Promise<void> {
  try {
    await fs.mkdir(path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

async function createVolume(
  fs: FsPromises,
  paths: Paths,
  { storeName, create, names }: OpenVolumeOptions,
): Promise<VolumeIdentity> {
  if (!create || !(await isEmpty(fs, paths))) {
    // Not empty, perhaps because another process made the volume since we looked for its marker.
    const made = create ? await readMarker(fs, storeName, paths) : undefined
    if (made !== undefined) return made
    throw offline(
      storeName,
      paths,
      'it holds other things and no marker of a volume: its disk may not be mounted, or it is not ours',
    )
  }
  await makeDirectory(fs, paths.objects)
  await makeDirectory(fs, paths.staging)
  await Promise.all(SHARDS.map((shard) => makeDirectory(fs, paths.shard(shard))))
  // Where names reach the medium in any order, a power cut must not leave a marker without the folders that it speaks for.
  for (const path of [paths.objects, paths.root]) await syncDirectory(fs, path)
  await publishMarker(fs, paths, { id: newId(), layout: LAYOUT }, names)
  const identity = await readMarker(fs, storeName, paths)
  if (identity === undefined) throw offline(storeName, paths, 'its marker is gone again')
  return identity
}

/** Nothing there but what a crash on the way may have left, or what a fresh file system brings along. */
async function isEmpty(fs: FsPromises, paths: Paths): Promise<boolean> {
  for (const name of await fs.readdir(paths.root)) {
    if (name === 'lost+found' || name.startsWith(TEMP_PREFIX)) continue
    if (name === 'staging') {
      if ((await fs.readdir(paths.staging)).length > 0) return false
    } else if (name === 'objects') {
      for (const shard of await fs.readdir(paths.objects)) {
        if (!SHARDS.includes(shard) || (await fs.readdir(paths.shard(shard))).length > 0) return false
      }
    } else return false
  }
  return true
}

/** By link, which fails where a marker is: of two processes that make the volume at once, one gives it its id. */
async function publishMarker(
  fs: FsPromises,
  paths: Paths,
  identity: VolumeIdentity,
  names: TempNames,
): Promise<void> {
  const path = `${paths.root}/${names.next()}`
  const fd = await fs.open(path, CREATE_FLAGS, FILE_MODE)
  try {
    try {
      await fs.write(fd, Buffer.from(formatVolumeMarker(identity)), 0)
      await fs.fsync(fd)
    } finally {
      await fs.close(fd)
    }
    await fs.link(path, paths.marker)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  } finally {
    await fs.unlink(path).catch(() => {}) // the next open passes over it
  }
}

/** @throws MediaError MEDIA_UNAVAILABLE `volume-offline` when a marker is there that says nothing. */
export async function readMarker(
  fs: FsPromises,
  storeName: string,
  paths: Paths,
): Promise<VolumeIdentity | undefined> {
  let fd: number
  try {
    fd = await fs.open(paths.marker, READ_FLAGS)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const buffer = Buffer.alloc(VOLUME_MARKER_MAX_BYTES)
    const text = buffer.toString('utf8', 0, await fs.read(fd, buffer, 0))
    return parseVolumeMarker(text) ?? fail(offline(storeName, paths, `${VOLUME_MARKER} is damaged`))
  } finally {
    await fs.closeSynced(fd)
  }
}

/** A link in place of a directory could lead our bytes anywhere. */
async function checkDirectory(fs: FsPromises, storeName: string, path: string): Promise<void> {
  if ((await fs.lstat(path)).isDirectory()) return
  const message = `${storeName}: ${path} is not a directory (links are not followed); give the folder itself`
  throw new MediaError('MEDIA_UNAVAILABLE', message, { reason: 'volume-offline' })
}

export function offline(storeName: string, paths: Paths, why: string): MediaError {
  return new MediaError(
    'MEDIA_UNAVAILABLE',
    `${storeName}: ${paths.root} is not a volume that can be used: ${why}`,
    {
      reason: 'volume-offline',
    },
  )
}

function fail(error: Error): never {
  throw error
}
