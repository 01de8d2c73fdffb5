import { MediaError } from '@mediakeep/core'
import { type FsPromises, READ_FLAGS } from './calls.ts'

/** Kinds of file systems (statfs) where another host may write too and where link, rename and sync promise less. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
])
const FUSE_TYPE = 0x65735546
const NETWORK_FUSE =
  /^fuse\.(sshfs|rclone|s3fs|gcsfuse|goofys|glusterfs|davfs|curlftpfs|cephfs|juicefs|mount-s3|smbnetfs)$/

/**
 * Refuses a folder on a network file system, where that can be told: elsewhere nothing is refused.
 * @throws MediaError MEDIA_UNSUPPORTED `network-file-system`
 */
export async function refuseNetwork(fs: FsPromises, storeName: string, directory: string): Promise<void> {
  const statfs = fs.raw.statfs?.bind(fs.raw)
  if (statfs === undefined) return
  const type = await new Promise<number | undefined>((resolve, reject) => {
    statfs(directory, (error, value) =>
      error ? reject(error) : resolve(value === undefined ? undefined : Number(value.type)),
    )
  })
  if (type === undefined) return
  const kind =
    NETWORK_TYPES.get(type >>> 0) ?? (type >>> 0 === FUSE_TYPE ? await networkFuse(fs, directory) : undefined)
  if (kind === undefined) return
  const message = `${storeName}: ${directory} lies on a network file system (${kind}), where an acknowledged write may be lost and two hosts may overwrite each other; use a local disk, or set allowNetwork`
  throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'network-file-system' })
}

/** FUSE says only in the mount table what is behind it. */
async function networkFuse(fs: FsPromises, directory: string): Promise<string | undefined> {
  let table: string
  try {
    table = await readText(fs, '/proc/self/mountinfo')
  } catch {
    return undefined
  }
  return fuseKindOf(table, directory)
}

/** @see proc(5): the fifth field is the mount point, the kind comes first after " - ". */
export function fuseKindOf(mountinfo: string, directory: string): string | undefined {
  let found: { readonly point: string; readonly kind: string } | undefined
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const point = (left.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const inside = point === '/' || directory === point || directory.startsWith(`${point}/`)
    if (point === '' || !inside || (found !== undefined && found.point.length > point.length)) continue
    found = { point, kind: right.split(' ')[0] ?? '' }
  }
  return found !== undefined && NETWORK_FUSE.test(found.kind) ? found.kind : undefined
}

/** Files of /proc have no length: read until the end. */
async function readText(fs: FsPromises, path: string): Promise<string> {
  const fd = await fs.open(path, READ_FLAGS)
  try {
    const parts: Buffer[] = []
    for (let position = 0; ; ) {
      const buffer = Buffer.allocUnsafe(65_536)
      const sizeBytes = await fs.read(fd, buffer, position)
      parts.push(buffer.subarray(0, sizeBytes))
      position += sizeBytes
      if (sizeBytes < buffer.length) return Buffer.concat(parts).toString()
    }
  } finally {
    await fs.close(fd)
  }
}
