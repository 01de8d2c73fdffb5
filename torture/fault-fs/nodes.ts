/** A write to a file that no sync has covered yet. */
export interface PendingWrite {
  readonly position: number
  readonly bytes: Uint8Array
  /** The file ends at the position from then on. */
  readonly cuts?: true
}

export interface FileNode {
  readonly kind: 'file'
  readonly ino: number
  /** What processes see. */
  bytes: Uint8Array
  mode: number
  mtimeMs: number
  ctimeMs: number
  links: number
  /** What is on the medium for certain. */
  durable: { bytes: Uint8Array; mode: number; mtimeMs: number }
  pending: PendingWrite[]
  /** Writes that a failed sync has forgotten: a later sync answers "done" and does not cover them. */
  doomed: PendingWrite[]
}

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly ino: number
  readonly path: string
  readonly mode: number
  mtimeMs: number
  ctimeMs: number
  /** What processes see. */
  entries: Map<string, Node>
  /** What is on the medium for certain; absent while that is the same. */
  durable: Map<string, Node> | undefined
  pending: Change[]
}

export type Node = FileNode | DirectoryNode

/** A name that was given or taken away and that no sync of its directory has covered yet. */
export interface Change {
  /** In order of the whole disk. */
  readonly order: number
  readonly directory: DirectoryNode
  readonly name: string
  /** `undefined`: the name was taken away. */
  readonly node: Node | undefined
  /** The other half of a rename, which reaches the medium no later than this one: a rename never loses a file. */
  readonly after: Change | undefined
  /** A sync of its directory failed: no later one covers it. */
  doomed: boolean
}

export function createFile(ino: number, mode: number, nowMs: number): FileNode {
  return {
    kind: 'file',
    ino,
    bytes: EMPTY,
    mode,
    mtimeMs: nowMs,
    ctimeMs: nowMs,
    links: 0,
    durable: { bytes: EMPTY, mode, mtimeMs: nowMs },
    pending: [],
    doomed: [],
  }
}

export function createDirectory(ino: number, path: string, mode: number, nowMs: number): DirectoryNode {
  return {
    kind: 'directory',
    ino,
    path,
    mode,
    mtimeMs: nowMs,
    ctimeMs: nowMs,
    entries: new Map(),
    durable: undefined,
    pending: [],
  }
}

const EMPTY = new Uint8Array(0)

/** The bytes with a write in them; a gap before it holds zeros. */
export function written(bytes: Uint8Array, { position, bytes: more, cuts }: PendingWrite): Uint8Array {
  if (cuts) return bytes.slice(0, position)
  const grown = new Uint8Array(Math.max(bytes.byteLength, position + more.byteLength))
  grown.set(bytes)
  grown.set(more, position)
  return grown
}
