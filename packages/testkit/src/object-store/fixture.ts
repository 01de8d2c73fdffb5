import type { ObjectStore, SignedRequest } from '@mediakeep/core'
import type { SentPart } from './parts-memory-store.ts'

/** One backend, empty, for one case. */
export interface ObjectStoreFixture {
  readonly store: ObjectStore
  /** Opens another store over the same bytes, as a second process would. The kit closes it. */
  second?(): Promise<ObjectStore>
  /** Directory on the file system of the store, for files that `adopt` takes over. Default: made in the system's temporary folder. */
  readonly directory?: string
  /** Handles (files, sockets) of open readers and writers. Default: the regular files this process has open, where the system tells. */
  openHandles?(): number | Promise<number>
  /** Sends a body to an address that the store signed, as a client would. Default: by `fetch`. */
  send?(request: SignedRequest, body: Uint8Array): Promise<SentPart>
  /** Makes the backend fail under the open store and work again: a folder made unreadable, a server stopped. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> }
  /** What is in the backend that should not be once every object is deleted: temporary files, unfinished uploads. */
  leftovers?(): Promise<readonly string[]>
  /** Removes the backend. The kit has closed the store before. */
  cleanup(): Promise<void>
}
