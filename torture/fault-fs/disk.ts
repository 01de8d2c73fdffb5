import { errno } from './errno.ts'
import {
  type Change,
  createDirectory,
  createFile,
  type DirectoryNode,
  type FileNode,
  type Node,
  type PendingWrite,
  written,
} from './nodes.ts'

/** What a power cut leaves of all that no sync had covered. */
export interface Remains {
  /** Which of the names reached the medium; they come in the order in which they were made. */
  names(pending: readonly Change[]): ReadonlySet<Change>
  /** The bytes of a file whose last writes no sync had covered. */
  bytes(durable: Uint8Array, writes: readonly PendingWrite[]): Uint8Array
  /** Whether mode and time that were set since the last sync reached the medium. */
  attributes(): boolean
}

/**
 * A file system in memory that forgets: names and bytes are seen at once, and are on the medium only when a sync says so.
 * `weak`: names reach the medium in any order. `ordered`: in the order in which they were made, as in a journal.
 */
export interface Disk {
  readonly order: 'weak' | 'ordered'
  directory(path: string): DirectoryNode | undefined
  /** @throws ENOENT, ENOTDIR */
  node(path: string, syscall: string): Node
  create(path: string, mode: number): FileNode
  makeDirectory(path: string, mode: number): void
  write(file: FileNode, write: PendingWrite): void
  setMode(file: FileNode, mode: number): void
  setModified(file: FileNode, mtimeMs: number): void
  rename(from: string, to: string): void
  link(from: string, to: string): void
  unlink(path: string): void
  syncData(file: FileNode): void
  syncFile(file: FileNode): void
  syncDirectory(directory: DirectoryNode): void
  /** A sync that failed: what was pending is forgotten by the kernel, and no later sync covers it. */
  failSync(node: Node): void
  /** Every process is gone; what was not synced is as `remains` says. */
  cutPower(remains: Remains): void
}

export function createDisk(options: { readonly now: () => number; readonly order: Disk['order'] }): Disk {
  const { now, order } = options
  let lastIno = 0
  let lastStampMs = 0
  let changes = 0
  const root = createDirectory(++lastIno, '/', 0o755, now())
  const directories = new Map<string, DirectoryNode>([['/', root]])
  /** Files with something that no sync covered. */
  const dirty = new Set<FileNode>()
  const changed = new Set<DirectoryNode>()

  /** Never the same twice, so that a change always shows. */
  const stampMs = (): number => {
    lastStampMs = Math.max(lastStampMs + 0.001, now())
    return lastStampMs
  }

  function parentOf(path: string, syscall: string): { directory: DirectoryNode; name: string } {
    const at = path.lastIndexOf('/')
    const directory = directories.get(at <= 0 ? '/' : path.slice(0, at))
    if (directory === undefined) throw errno('ENOENT', syscall, path)
    return { directory, name: path.slice(at + 1) }
  }

  function find(path: string, syscall: string): Node {
    const known = directories.get(path)
    if (known !== undefined) return known
    const { directory, name } = parentOf(path, syscall)
    const node = directory.entries.get(name)
    if (node === undefined) throw errno('ENOENT', syscall, path)
    return node
  }

  function change(directory: DirectoryNode, name: string, node: Node | undefined, after?: Change): Change {
    directory.durable ??= new Map(directory.entries)
    changed.add(directory)
    const made: Change = { order: changes++, directory, name, node, after, doomed: false }
    directory.pending.push(made)
    const before = directory.entries.get(name)
    if (before?.kind === 'file') {
      before.links -= 1
      before.ctimeMs = stampMs()
    }
    if (node === undefined) directory.entries.delete(name)
    else directory.entries.set(name, node)
    if (node?.kind === 'file') {
      node.links += 1
      node.ctimeMs = stampMs()
    }
    directory.mtimeMs = directory.ctimeMs = stampMs()
    return made
  }

  /** Makes names durable; half a rename brings its other half along. */
  function settle(made: Change): void {
    const { directory, name, node, after } = made
    if (!directory.pending.includes(made)) return
    if (after !== undefined) settle(after)
    // What was said of the name before is settled with it.
    directory.pending = directory.pending.filter((one) => one.name !== name || one.order > made.order)
    if (node === undefined) directory.durable?.delete(name)
    else directory.durable?.set(name, node)
    if (directory.pending.length > 0) return
    directory.durable = undefined
    changed.delete(directory)
  }

  function syncBytes(file: FileNode): void {
    if (file.doomed.length === 0) file.durable.bytes = file.bytes
    else for (const write of file.pending) file.durable.bytes = written(file.durable.bytes, write)
    file.pending = []
  }

  function isClean(file: FileNode): boolean {
    const { durable } = file
    return (
      file.pending.length + file.doomed.length === 0 &&
      durable.mode === file.mode &&
      durable.mtimeMs === file.mtimeMs
    )
  }

  function recount(): void {
    directories.clear()
    const visit = (directory: DirectoryNode): void => {
      directories.set(directory.path, directory)
      for (const node of directory.entries.values()) if (node.kind === 'file') node.links = 0
      for (const node of directory.entries.values()) if (node.kind === 'directory') visit(node)
    }
    visit(root)
    for (const { entries } of directories.values())
      for (const node of entries.values()) if (node.kind === 'file') node.links += 1
  }

  return {
    order,
    directory: (path) => directories.get(path),
    node: find,
    create(path, mode) {
      const { directory, name } = parentOf(path, 'open')
      if (directory.entries.has(name)) throw errno('EEXIST', 'open', path)
      const file = createFile(++lastIno, mode, stampMs())
      change(directory, name, file)
      return file
    },
    makeDirectory(path, mode) {
      const { directory, name } = parentOf(path, 'mkdir')
      if (directory.entries.has(name)) throw errno('EEXIST', 'mkdir', path)
      const made = createDirectory(++lastIno, path, mode, stampMs())
      directories.set(path, made)
      change(directory, name, made)
    },
    write(file, write) {
      if (write.bytes.byteLength === 0 && !write.cuts) return
      file.bytes = written(file.bytes, write)
      file.pending.push(write)
      file.mtimeMs = file.ctimeMs = stampMs()
      dirty.add(file)
    },
    setMode(file, mode) {
      file.mode = mode
      file.ctimeMs = stampMs()
      dirty.add(file)
    },
    setModified(file, mtimeMs) {
      file.mtimeMs = mtimeMs
      file.ctimeMs = stampMs()
      dirty.add(file)
    },
    rename(from, to) {
      const node = find(from, 'rename')
      const source = parentOf(from, 'rename')
      const target = parentOf(to, 'rename')
      if (target.directory.entries.get(target.name) === node) return
      const added = change(target.directory, target.name, node)
      change(source.directory, source.name, undefined, added)
    },
    link(from, to) {
      const node = find(from, 'link')
      const { directory, name } = parentOf(to, 'link')
      if (directory.entries.has(name)) throw errno('EEXIST', 'link', to)
      change(directory, name, node)
    },
    unlink(path) {
      if (find(path, 'unlink').kind === 'directory') throw errno('EISDIR', 'unlink', path)
      const { directory, name } = parentOf(path, 'unlink')
      change(directory, name, undefined)
    },
    syncData(file) {
      syncBytes(file)
      if (isClean(file)) dirty.delete(file)
    },
    syncFile(file) {
      syncBytes(file)
      file.durable.mode = file.mode
      file.durable.mtimeMs = file.mtimeMs
      if (isClean(file)) dirty.delete(file)
    },
    syncDirectory(directory) {
      const synced = order === 'weak' ? [directory] : [...changed]
      for (const one of synced) for (const made of [...one.pending]) if (!made.doomed) settle(made)
    },
    failSync(node) {
      if (node.kind === 'directory') {
        // Names taken away stay pending: nothing a program does could take them away once more.
        for (const made of node.pending) if (made.node !== undefined) made.doomed = true
        return
      }
      node.doomed.push(...node.pending)
      node.pending = []
    },
    cutPower(remains) {
      const all = [...changed].flatMap(({ pending }) => pending)
      const kept = remains.names(all.sort((a, b) => a.order - b.order))
      for (const made of all) if (kept.has(made)) settle(made)
      for (const directory of changed) {
        if (directory.durable !== undefined) directory.entries = directory.durable
        directory.ctimeMs = stampMs()
        directory.durable = undefined
        directory.pending = []
      }
      changed.clear()
      for (const file of dirty) {
        const { durable } = file
        durable.bytes = remains.bytes(durable.bytes, [...file.doomed, ...file.pending])
        if (remains.attributes()) {
          durable.mode = file.mode
          durable.mtimeMs = file.mtimeMs
        }
        file.bytes = durable.bytes
        file.mode = durable.mode
        file.mtimeMs = durable.mtimeMs
        file.ctimeMs = stampMs()
        file.pending = []
        file.doomed = []
      }
      dirty.clear()
      recount()
    },
  }
}
