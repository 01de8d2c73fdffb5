import type { Clock, Durability, KeyedLock } from '@mediakeep/core'
import type { FsPromises } from './calls.ts'
import type { Descriptors } from './descriptors.ts'
import type { DirectorySync } from './dir-sync.ts'
import type { Paths } from './layout.ts'
import type { TempNames } from './temp-files.ts'

/** What the parts of one open store share. */
export interface Volume {
  readonly storeName: string
  readonly fs: FsPromises
  readonly paths: Paths
  readonly names: TempNames
  readonly durability: Durability
  readonly clock: Clock
  readonly syncDirectory: DirectorySync
  readonly descriptors: Descriptors
  readonly locks: KeyedLock
}
