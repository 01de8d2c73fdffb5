import { randomBytes } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import type { BucketStore } from '@mediakeep/adapters/s3'
import { isMediaError, type MediaError } from '@mediakeep/core'
import { afterAll, afterEach, expect } from 'vitest'
import type { ObjectServer } from '../../scripts/lib/object-servers.mjs'
import { type OpenOptions, type OpenStore } from './adapters.ts'
import { type Proxy, startProxy } from './proxy.ts'
import { makeBucket, sdkOf } from './servers.ts'

export interface Staged {
  readonly proxy: Proxy
  readonly bucket: string
  readonly store: BucketStore
  /** Another store behind the same proxy. */
  reopen(options?: Partial<OpenOptions>): BucketStore
}

export interface Stage {
  readonly client: S3Client
  /** A store in a new bucket, behind a proxy of its own; all of it is gone after the test. */
  set(openStore: OpenStore, options?: Partial<OpenOptions>): Promise<Staged>
}

/** Tears down after each test what the test set up, and the server after the file. */
export function createStage(server: ObjectServer): Stage {
  const client = sdkOf(server)
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const { close } of open.splice(0).reverse()) await close()
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })
  return {
    client,
    async set(openStore, options = {}) {
      const proxy = await startProxy(server)
      open.push({ close: () => proxy.stop() })
      const bucket = await makeBucket(client, `b-${randomBytes(6).toString('hex')}`)
      const reopen = (more: Partial<OpenOptions> = {}): BucketStore => {
        const store = openStore({ server, bucket, endpoint: proxy.endpoint, ...options, ...more })
        open.push(store)
        return store
      }
      return { proxy, bucket, store: reopen(), reopen }
    },
  }
}

/** The rejection, as the MediaError it must be. */
export async function failureOf(call: Promise<unknown>): Promise<MediaError> {
  const error: unknown = await call.then(
    () => new Error('the call succeeded'),
    (thrown: unknown) => thrown,
  )
  if (!isMediaError(error)) throw error
  return error
}

export async function expectFailure(
  call: Promise<unknown>,
  code: string,
  reason?: string,
): Promise<MediaError> {
  const error = await failureOf(call)
  expect({ code: error.code, reason: error.reason }).toEqual({ code, reason })
  return error
}

/** Every one of the calls, already under way side by side, is refused so: none is left unheard meanwhile. */
export async function expectFailures(
  calls: readonly Promise<unknown>[],
  code: string,
  reason?: string,
): Promise<MediaError[]> {
  return Promise.all(calls.map((call) => expectFailure(call, code, reason)))
}

export async function drain(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function readAll(store: BucketStore, key: string): Promise<Buffer> {
  const reader = await store.get(key)
  if (reader === undefined) throw new Error(`${key} is absent`)
  return drain(reader.stream())
}
