import type { Clock, Durability, ObjectStore, OptionNames } from '@mediakeep/core'
import type { FsCalls } from './calls.ts'
import type { Room } from './room.ts'

export interface FsStoreOptions {
  /** Folder of the volume; made when it is missing. Its parts are never links. */
  readonly root: string
  /** Default `fs`. */
  readonly name?: string
  /**
   * What an acknowledged write survives. `none`: nothing is promised, no sync is made. `file`: kill -9 of the process, and after a
   * power cut each object is whole or absent. `durable`: power loss. Default `durable`.
   */
  readonly durability?: Durability
  /** Makes a volume where the folder is missing or empty; `false`: refuses, for disks that must be mounted. Default true. */
  readonly create?: boolean
  /** Takes a network file system, whose promises this store cannot know. Default false. */
  readonly allowNetwork?: boolean
  /** Room for bodies on their way in through this store; over it MEDIA_BUSY. Default 64 GiB. */
  readonly stagingBudgetBytes?: number
  /** Room that staging leaves free on the file system. Default 64 MiB. */
  readonly stagingHeadRoomBytes?: number
  /** Age from which what dead sessions left is removed by `staging.sweep`. Default 1 hour. */
  readonly sweepAfterMs?: number
  /** Object files kept open after use. Default 256. */
  readonly maxIdleFiles?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** The calls of the file system, for tests and models of faults. Default `node:fs`. */
  readonly fs?: FsCalls
}

export const FS_OPTIONS: OptionNames<FsStoreOptions> = {
  root: true,
  name: true,
  durability: true,
  create: true,
  allowNetwork: true,
  stagingBudgetBytes: true,
  stagingHeadRoomBytes: true,
  sweepAfterMs: true,
  maxIdleFiles: true,
  clock: true,
  fs: true,
}

/** An object store on a local file system. Every optional member of `ObjectStore` that makes sense on one host is there. */
export interface FsStore extends ObjectStore {
  readonly root: string
  /** Readers, files and writers that were opened and not yet freed. */
  readonly openCount: number
  /** Room of the file system; undefined where it does not tell. */
  room(): Promise<Room | undefined>
  open(): Promise<void>
  identity: NonNullable<ObjectStore['identity']>
  createWriter: NonNullable<ObjectStore['createWriter']>
  adopt: NonNullable<ObjectStore['adopt']>
  localPath: NonNullable<ObjectStore['localPath']>
  openFile: NonNullable<ObjectStore['openFile']>
  readonly staging: NonNullable<ObjectStore['staging']>
  readonly journal: NonNullable<ObjectStore['journal']>
}
