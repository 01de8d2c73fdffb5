import { constants } from 'node:fs'
import type { FsCalls } from '@mediakeep/adapters/fs'
import type { Disk } from './disk.ts'
import { errno } from './errno.ts'
import type { FileNode, Node } from './nodes.ts'

/** One call to the file system. */
export interface DiskCall {
  readonly name: keyof FsCalls
  readonly path: string
  /** What happens where the call is failed in place of being made: a failed sync forgets, a failed close closes. */
  readonly failed?: () => void
}

/** Decides when a call takes effect, when its caller hears of it, and whether it fails. */
export interface CallPort {
  /** `act` is the effect, to be run at most once; it may be told to write no more than so many bytes. */
  start<Value>(
    call: DiskCall,
    act: (maxBytes?: number) => Value,
    done: (error: Error | null, value?: Value) => void,
  ): void
  /** Before a call that waits for nothing. @throws what it is to fail with */
  check(call: DiskCall): void
}

/** Calls take effect and are answered as they are made. */
export const atOnce: CallPort = {
  start(_call, act, done) {
    let value: ReturnType<typeof act>
    try {
      value = act()
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
      return
    }
    done(null, value)
  },
  check() {},
}

/** A process on a disk: its calls, and what it has open. Without `readSync`: whether that is used depends on real time. */
export interface DiskProcess {
  readonly fs: FsCalls
  readonly openCount: number
  /** Calls with a descriptor that was not open: in a real process they would have hit another file. */
  readonly misuses: readonly string[]
}

const KNOWN_FLAGS =
  constants.O_RDWR |
  constants.O_CREAT |
  constants.O_EXCL |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_DIRECTORY

export function createProcess(disk: Disk, port: CallPort): DiskProcess {
  const open = new Map<number, { readonly node: Node; readonly path: string }>()
  const misuses: string[] = []
  let lastFd = 100

  function openNow(path: string, flags: number, mode: number): number {
    if ((flags & ~KNOWN_FLAGS) !== 0) throw new Error(`open flags ${flags} are not modelled`)
    const node = (flags & constants.O_CREAT) !== 0 ? disk.create(path, mode) : disk.node(path, 'open')
    if ((flags & constants.O_DIRECTORY) !== 0 && node.kind !== 'directory')
      throw errno('ENOTDIR', 'open', path)
    lastFd += 1
    open.set(lastFd, { node, path })
    return lastFd
  }
  function opened(fd: number, syscall: string): { readonly node: Node; readonly path: string } {
    const found = open.get(fd)
    if (found !== undefined) return found
    misuses.push(`${syscall} ${fd}`)
    throw errno('EBADF', syscall, String(fd))
  }
  function file(fd: number, syscall: string): FileNode {
    const { node, path } = opened(fd, syscall)
    if (node.kind === 'file') return node
    throw errno('EISDIR', syscall, path)
  }
  function readNow(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const piece = file(fd, 'read').bytes.subarray(position, position + length)
    buffer.set(piece, offset)
    return piece.byteLength
  }
  function writeNow(fd: number, parts: readonly Uint8Array[], position: number, maxBytes: number): number {
    const node = file(fd, 'write')
    const bytes = Buffer.concat(parts).subarray(0, maxBytes)
    disk.write(node, { position, bytes })
    return bytes.byteLength
  }
  function syncNow(fd: number, data: boolean): void {
    const { node } = opened(fd, 'fsync')
    if (node.kind === 'directory') disk.syncDirectory(node)
    else if (data) disk.syncData(node)
    else disk.syncFile(node)
  }
  const pathOf = (fd: number): string => open.get(fd)?.path ?? String(fd)
  const forget = (fd: number): void => {
    const found = open.get(fd)
    if (found !== undefined) disk.failSync(found.node)
  }

  const fs: FsCalls = {
    open: (path, flags, mode, done) =>
      port.start({ name: 'open', path }, () => openNow(path, flags, mode), done),
    openSync(path, flags) {
      port.check({ name: 'openSync', path })
      return openNow(path, flags, 0)
    },
    close: (fd, done) =>
      port.start(
        { name: 'close', path: pathOf(fd), failed: () => open.delete(fd) },
        () => {
          opened(fd, 'close')
          open.delete(fd)
        },
        done,
      ),
    closeSync(fd) {
      opened(fd, 'close')
      open.delete(fd)
    },
    read: (fd, buffer, offset, length, position, done) =>
      port.start(
        { name: 'read', path: pathOf(fd) },
        () => readNow(fd, buffer, offset, length, position),
        done,
      ),
    write: (fd, buffer, offset, length, position, done) =>
      port.start(
        { name: 'write', path: pathOf(fd) },
        (maxBytes = length) => writeNow(fd, [buffer.subarray(offset, offset + length)], position, maxBytes),
        done,
      ),
    writev: (fd, buffers, position, done) =>
      port.start(
        { name: 'writev', path: pathOf(fd) },
        (maxBytes = Number.POSITIVE_INFINITY) => writeNow(fd, buffers, position, maxBytes),
        done,
      ),
    fsync: (fd, done) =>
      port.start(
        { name: 'fsync', path: pathOf(fd), failed: () => forget(fd) },
        () => syncNow(fd, false),
        done,
      ),
    fdatasync: (fd, done) =>
      port.start(
        { name: 'fdatasync', path: pathOf(fd), failed: () => forget(fd) },
        () => syncNow(fd, true),
        done,
      ),
    ftruncate: (fd, sizeBytes, done) =>
      port.start(
        { name: 'ftruncate', path: pathOf(fd) },
        () => disk.write(file(fd, 'ftruncate'), { position: sizeBytes, bytes: NO_BYTES, cuts: true }),
        done,
      ),
    futimes: (fd, _atime, mtime, done) =>
      port.start(
        { name: 'futimes', path: pathOf(fd) },
        () => disk.setModified(file(fd, 'futimes'), mtime * 1000),
        done,
      ),
    fchmod: (fd, mode, done) =>
      port.start({ name: 'fchmod', path: pathOf(fd) }, () => disk.setMode(file(fd, 'fchmod'), mode), done),
    fstatSync: (fd) => statOf(opened(fd, 'fstat').node),
    lstat: (path, done) => port.start({ name: 'lstat', path }, () => statOf(disk.node(path, 'lstat')), done),
    rename: (from, to, done) => port.start({ name: 'rename', path: to }, () => disk.rename(from, to), done),
    link: (from, to, done) => port.start({ name: 'link', path: to }, () => disk.link(from, to), done),
    unlink: (path, done) => port.start({ name: 'unlink', path }, () => disk.unlink(path), done),
    mkdir: (path, mode, done) =>
      port.start({ name: 'mkdir', path }, () => disk.makeDirectory(path, mode), done),
    readdir: (path, done) => port.start({ name: 'readdir', path }, () => namesIn(disk, path), done),
    copyFile: (from, to, _mode, done) =>
      port.start(
        { name: 'copyFile', path: to },
        () => {
          const source = disk.node(from, 'copyfile')
          if (source.kind !== 'file') throw errno('EISDIR', 'copyfile', from)
          disk.write(disk.create(to, source.mode), { position: 0, bytes: source.bytes })
        },
        done,
      ),
    statfs: (path, done) => port.start({ name: 'statfs', path }, () => ({ ...ROOM }), done),
  }
  return {
    fs,
    get openCount() {
      return open.size
    },
    misuses,
  }
}

/** ext4 with a terabyte free. */
const ROOM = { type: 0xef53, bsize: 4096, blocks: 2 ** 28, bavail: 2 ** 28 }

const NO_BYTES = new Uint8Array(0)

const NO_NAMES: readonly string[] = []

function namesIn(disk: Disk, path: string): readonly string[] {
  const node = disk.node(path, 'readdir')
  if (node.kind !== 'directory') throw errno('ENOTDIR', 'readdir', path)
  return node.entries.size === 0 ? NO_NAMES : [...node.entries.keys()]
}

type Stat = ReturnType<FsCalls['fstatSync']>

/** Facts as they were last asked for: most nodes are looked at often and change seldom. */
const stats = new WeakMap<Node, Stat>()

function statOf(node: Node): Stat {
  const known = stats.get(node)
  // Whatever changes shows in ctime, which is never the same twice.
  if (known?.ctimeMs === node.ctimeMs) return known
  const isFile = node.kind === 'file'
  const stat: Stat = {
    dev: 1,
    ino: node.ino,
    mode: node.mode,
    nlink: isFile ? node.links : 2,
    size: isFile ? node.bytes.byteLength : 4096,
    mtimeMs: node.mtimeMs,
    ctimeMs: node.ctimeMs,
    isFile: () => isFile,
    isDirectory: () => !isFile,
  }
  stats.set(node, stat)
  return stat
}
