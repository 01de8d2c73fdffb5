/**
 * Objects as files on a local disk.
 * @packageDocumentation
 */
export type { FileStat, FsCalls } from './calls.ts'
export type { FsReason } from './errors.ts'
export type { FsStore, FsStoreOptions } from './options.ts'
export type { Room } from './room.ts'
export { fsStore } from './store.ts'
