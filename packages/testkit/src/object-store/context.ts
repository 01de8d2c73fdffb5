import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ObjectStore, SignedRequest } from '@mediakeep/core'
import type { ConformanceCase } from '../conformance/case.ts'
import type { ObjectStoreFixture } from './fixture.ts'
import type { SentPart } from './parts-memory-store.ts'

/** What a case of `ObjectStore` gets: one empty backend and what goes with it. */
export interface ObjectStoreContext {
  readonly store: ObjectStore
  /** Another store over the same bytes. Only for cases that need `second`. */
  second(): Promise<ObjectStore>
  /** A local file with these bytes, on the file system of the store where the fixture names a directory. */
  scratchFile(bytes: Uint8Array): Promise<string>
  /** Handles of open readers and writers, now. */
  openHandles(): Promise<number>
  /** Sends a body to an address that the store signed. */
  send(request: SignedRequest, body: Uint8Array): Promise<SentPart>
  /** Makes the backend fail from now on. Only for cases that need `outage`. */
  breakBackend(): Promise<void>
  closeSeconds(): Promise<void>
}

export type ObjectStoreCase = ConformanceCase<ObjectStoreContext>

export interface CreatedContext {
  readonly context: ObjectStoreContext
  /** Ends the outage, where the case began one. */
  mend(): Promise<void>
  freeScratch(): Promise<void>
}

export function createObjectStoreContext(
  fixture: ObjectStoreFixture,
  openHandles: () => Promise<number>,
): CreatedContext {
  const seconds: ObjectStore[] = []
  let scratch: string | undefined
  let files = 0
  let broken = false
  const context: ObjectStoreContext = {
    store: fixture.store,
    openHandles,
    send: (request, body) => (fixture.send ?? sendByFetch)(request, body),
    async second() {
      if (fixture.second === undefined) throw new Error('the harness gives no second store')
      const store = await fixture.second()
      seconds.push(store)
      return store
    },
    async scratchFile(bytes) {
      scratch ??= await mkdtemp(join(fixture.directory ?? tmpdir(), 'mediakeep-kit-'))
      const path = join(scratch, `file-${files++}`)
      await writeFile(path, bytes)
      return path
    },
    async breakBackend() {
      if (fixture.outage === undefined) throw new Error('the harness knows no outage')
      broken = true
      await fixture.outage.begin()
    },
    async closeSeconds() {
      for (const store of seconds.splice(0)) await store.close()
    },
  }
  return {
    context,
    async mend() {
      if (!broken) return
      broken = false
      await fixture.outage?.end()
    },
    async freeScratch() {
      if (scratch !== undefined) await rm(scratch, { recursive: true, force: true })
    },
  }
}

/** The length goes with the body: whoever fetches may not say it. */
async function sendByFetch({ method, url, headers }: SignedRequest, body: Uint8Array): Promise<SentPart> {
  const { 'content-length': _, ...sent } = headers
  const answer = await fetch(url, { method, headers: sent, body: Buffer.from(body) })
  await answer.arrayBuffer()
  const etag = answer.headers.get('etag')?.replace(/^"|"$/g, '')
  return { status: answer.status, ...(etag === undefined ? {} : { etag }) }
}
