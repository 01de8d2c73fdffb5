import { constants } from 'node:fs'
import type { FsCalls } from '@mediakeep/adapters/fs'
import type { Disk } from '../fault-fs/disk.ts'
import { cutStates } from './states.ts'
import { diskAfter, recordOn } from './trace.ts'

/** A way to write a file, step by step, as programs are found to do it. */
export interface Protocol {
  readonly name: string
  /** Where it keeps what it acknowledged and never shows a part of it. A journal brings older names along with a synced one. */
  readonly rightWhere: readonly Disk['order'][]
  /** The shard is there before. */
  readonly shardThere: boolean
  steps(calls: Steps): void
}

interface Steps {
  makeShard(): void
  write(path: string): void
  syncFile(path: string): void
  rename(): void
  syncDirectory(path: string): void
}

const SHARD = '/store/ab'
const TEMP = `${SHARD}/~temp`
const FINAL = `${SHARD}/object`
const BODY = 'b'.repeat(1_300)

const tempSyncedRenamed = ({ write, syncFile, rename }: Steps): void => {
  write(TEMP)
  syncFile(TEMP)
  rename()
}

export const protocols: readonly Protocol[] = [
  {
    name: 'write to the final name',
    rightWhere: [],
    shardThere: false,
    steps: (calls) => (calls.makeShard(), calls.write(FINAL)),
  },
  {
    name: 'temporary file, rename (cacache)',
    rightWhere: [],
    shardThere: false,
    steps: (calls) => (calls.makeShard(), calls.write(TEMP), calls.rename()),
  },
  {
    name: 'and sync of the file',
    rightWhere: [],
    shardThere: false,
    steps: (calls) => (calls.makeShard(), tempSyncedRenamed(calls)),
  },
  {
    name: 'and sync of the shard, not of the parent of a new shard',
    rightWhere: ['ordered'],
    shardThere: false,
    steps: (calls) => (calls.makeShard(), tempSyncedRenamed(calls), calls.syncDirectory(SHARD)),
  },
  {
    name: 'and sync of the parent',
    rightWhere: ['weak', 'ordered'],
    shardThere: false,
    steps: (calls) => (
      calls.makeShard(), calls.syncDirectory('/store'), tempSyncedRenamed(calls), calls.syncDirectory(SHARD)
    ),
  },
  {
    name: 'rename first, sync later',
    rightWhere: [],
    shardThere: true,
    steps: (calls) => (calls.write(TEMP), calls.rename(), calls.syncFile(FINAL), calls.syncDirectory(SHARD)),
  },
  {
    name: 'shards made and synced before, file and shard synced',
    rightWhere: ['weak', 'ordered'],
    shardThere: true,
    steps: (calls) => (tempSyncedRenamed(calls), calls.syncDirectory(SHARD)),
  },
]

export interface ProtocolFound {
  readonly states: number
  readonly acknowledgedLost: number
  readonly wrongUnderName: number
}

/** Counts what every power cut may leave of a protocol. */
export function examine(protocol: Protocol, order: Disk['order']): ProtocolFound {
  const directories = protocol.shardThere ? ['/store', SHARD] : ['/store']
  const { fs, calls } = recordOn(diskAfter(directories, [], order))
  protocol.steps(stepsOver(fs))
  const found = { states: 0, acknowledgedLost: 0, wrongUnderName: 0 }
  for (const { disk, acknowledged } of cutStates({ directories, before: [], calls }, order)) {
    found.states++
    const text = textAt(disk, FINAL)
    if (text !== undefined && text !== BODY) found.wrongUnderName++
    if (acknowledged && text !== BODY) found.acknowledgedLost++
  }
  return found
}

function stepsOver(fs: FsCalls): Steps {
  const fail = (error?: Error | null): void => {
    if (error) throw error
  }
  const withFile = (path: string, flags: number, act: (fd: number) => void): void =>
    fs.open(path, flags, 0o640, (error, fd) => {
      fail(error)
      if (fd === undefined) return
      act(fd)
      fs.close(fd, fail)
    })
  return {
    makeShard: () => fs.mkdir(SHARD, 0o750, fail),
    write: (path) =>
      withFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, (fd) =>
        fs.write(fd, Buffer.from(BODY), 0, BODY.length, 0, fail),
      ),
    syncFile: (path) => withFile(path, constants.O_RDONLY, (fd) => fs.fdatasync(fd, fail)),
    rename: () => fs.rename(TEMP, FINAL, fail),
    syncDirectory: (path) => withFile(path, constants.O_RDONLY, (fd) => fs.fsync(fd, fail)),
  }
}

function textAt(disk: Disk, path: string): string | undefined {
  const directory = disk.directory(path.slice(0, path.lastIndexOf('/')))
  const node = directory?.entries.get(path.slice(path.lastIndexOf('/') + 1))
  return node?.kind === 'file' ? Buffer.from(node.bytes).toString() : undefined
}
