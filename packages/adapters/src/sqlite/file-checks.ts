import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MediaError, makeFolder } from '@mediakeep/core'

/** Magic numbers of file systems whose locks or shared memory do not hold across hosts. @see statfs(2) */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
])

export interface FileCheckOptions {
  /** How the type of a file system is told; tests give their own. */
  readonly fileSystemType?: (folder: string) => Promise<number>
}

/**
 * Refuses what SQLite would only fail at later, by name.
 * @throws MediaError MEDIA_UNSUPPORTED `network-file-system`, MEDIA_UNAVAILABLE `catalog-not-writable`
 */
export async function checkFile(file: string, options: FileCheckOptions = {}): Promise<void> {
  const folder = dirname(file)
  try {
    await makeFolder(folder)
    await access(folder, constants.W_OK | constants.X_OK)
    const found = await stat(file).catch(() => undefined)
    if (found !== undefined) {
      if (!found.isFile()) throw new Error('it is no file')
      await access(file, constants.R_OK | constants.W_OK)
    }
  } catch (cause) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `sqlite: the catalog ${file} cannot be written; check that its folder exists and belongs to this user`,
      { reason: 'catalog-not-writable', cause },
    )
  }
  const type = await (options.fileSystemType ?? fileSystemType)(folder)
  const network = NETWORK.get(type)
  if (network !== undefined)
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      `sqlite: ${folder} is on ${network}; the write-ahead log needs memory shared by all processes, so put the catalog on a local disk`,
      { reason: 'network-file-system' },
    )
}

async function fileSystemType(folder: string): Promise<number> {
  const { type } = await statfs(folder)
  // Linux gives the magic number as signed on some machines.
  return type >>> 0
}

/**
 * A file that was removed or replaced while it is open takes writes that nobody will read.
 * @param inode of the file that was opened
 * @throws MediaError MEDIA_UNAVAILABLE `catalog-replaced`
 */
export async function checkSameFile(file: string, inode: number): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found?.ino === inode) return
  throw new MediaError(
    'MEDIA_UNAVAILABLE',
    `sqlite: ${file} was ${found === undefined ? 'removed' : 'replaced'} while it is open; stop this process and put the right file back`,
    { reason: 'catalog-replaced', retryable: false },
  )
}
