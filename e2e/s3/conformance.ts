import { ListMultipartUploadsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { type ObjectStore, objectPartials } from '@mediakeep/core'
import {
  type Conformance,
  type ObjectStoreContext,
  type ObjectStoreHarness,
  objectStoreConformance,
  type Waiver,
  withFaults,
} from '@mediakeep/testkit'
import { describeConformance, describeObjectStore } from '@mediakeep/testkit/vitest'
import { afterAll, expect, test } from 'vitest'
import type { ObjectServer, ObjectServerName } from '../../scripts/lib/object-servers.mjs'
import { adapters, type OpenStore } from './adapters.ts'
import { type Proxy, startProxy } from './proxy.ts'
import { describeWith, makeBucket, sdkOf, startServer } from './servers.ts'

const SAME_BYTES = 'the protocol makes ETags from the bytes'

/** What S3 itself cannot keep, whoever implements it. */
const protocolWaivers: readonly Waiver[] = [
  { id: 'etag.same-bytes', reason: SAME_BYTES },
  { id: 'etag.after-delete', reason: SAME_BYTES },
  {
    id: 'head.put-time',
    reason: 'the answer to a write tells when it was sent, not when the object was made',
    byChance: true,
  },
]

const NOT_LISTED = 'the server does not list objects whose name begins with that of another and a slash'

const MORE_AT_THE_END = 'the server says that there is more where its last page is full'

const A_FILE = 'an object is a file of the server, whose name is 255 bytes, and no file is a directory too'
const NOT_XML =
  'the server lists keys as XML although it is asked not to, and XML cannot hold every character'

const serverWaivers: Readonly<Record<ObjectServerName, readonly Waiver[]>> = {
  minio: [
    { id: 'list.limit.cursor', reason: MORE_AT_THE_END },
    { id: 'list.stable.order', reason: NOT_LISTED },
    { id: 'list.order.key', reason: NOT_LISTED },
    { id: 'list.prefix.pages', reason: NOT_LISTED },
    { id: 'keys.prefix-of-another', reason: NOT_LISTED },
    { id: 'keys.odd-paths', reason: NOT_LISTED },
    { id: 'list.prefix.literal', reason: 'the server refuses a prefix that ends in a segment of dots' },
    { id: 'keys.backslash', reason: 'the server takes a backslash for a slash' },
    { id: 'keys.longest', reason: 'a segment of a name is a file name of the server: 255 bytes' },
  ],
  versitygw: [
    { id: 'delete.only-that', reason: A_FILE },
    { id: 'list.stable.order', reason: A_FILE },
    { id: 'list.order.key', reason: A_FILE },
    { id: 'list.prefix.pages', reason: A_FILE },
    { id: 'keys.prefix-of-another', reason: A_FILE },
    { id: 'keys.odd-paths', reason: A_FILE },
    { id: 'keys.longest', reason: A_FILE },
    {
      id: 'put.atomic.never-mixed',
      reason:
        'the server reads the bytes of a file and its ETag one after the other, also while it is replaced',
      byChance: true,
    },
    { id: 'keys.control-characters', reason: NOT_XML },
    { id: 'keys.beyond-ascii', reason: NOT_XML },
  ],
}

let volumes = 0

/** Each case has a prefix of its own; an outage is a proxy in between that stops. */
function harnessOf(
  server: ObjectServer,
  client: S3Client,
  bucket: string,
  openStore: OpenStore,
  trouble: Proxy['trouble'] = () => undefined,
): ObjectStoreHarness {
  return {
    async create() {
      const prefix = `kit-${volumes++}/`
      const proxy = await startProxy(server)
      const options = { server, bucket, prefix, endpoint: proxy.endpoint }
      const store = openStore(options)
      await store.open()
      proxy.trouble = trouble
      return {
        store,
        second: async () => openStore({ ...options, endpoint: server.endpoint }),
        openHandles: () => store.openCount,
        outage: {
          async begin() {
            proxy.trouble = () => ({ type: 'cut-request', atByte: 0 })
          },
          async end() {
            proxy.trouble = trouble
          },
        },
        leftovers: async () => namesBelow(client, bucket, prefix),
        cleanup: () => proxy.stop(),
      }
    },
  }
}

/** Every ninth request is refused, and every fourteenth cut before it arrives: whoever writes, reads or deletes must not notice. */
function flaky(
  server: ObjectServer,
  client: S3Client,
  bucket: string,
  openStore: OpenStore,
): Conformance<ObjectStoreContext> {
  let count = 0
  const trouble: Proxy['trouble'] = () => {
    count += 1
    if (count % 9 === 0) return { type: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }
    return count % 14 === 0 ? { type: 'cut-request', atByte: 0 } : undefined
  }
  const patient: OpenStore = (options) => openStore({ ...options, maxAttempts: 6 })
  const conformance = objectStoreConformance({
    ...harnessOf(server, client, bucket, patient, trouble),
    timeoutMs: 60_000,
  })
  const isAbout = /^(put\.(size|source)|when|delete-many|writer)\./
  return {
    ...conformance,
    cases: conformance.cases.filter(({ id }) => isAbout.test(id) && id !== 'delete.only-that'),
  }
}

/** Bodies in pieces as objects of the store: it has no staging, which is where the cases look for them. */
function inPieces(harness: ObjectStoreHarness): Conformance<ObjectStoreContext> {
  const staged = (store: ObjectStore): ObjectStore => {
    const { sweep, ...partials } = objectPartials(store, { pieceBytes: 40_000, sweepAfterMs: -60_000 })
    const create = (): Promise<never> => Promise.reject(new Error('there is no staging'))
    return { ...store, staging: { usedBytes: 0, budgetBytes: 0, create, sweep, partials } }
  }
  const conformance = objectStoreConformance({
    async create() {
      const fixture = await harness.create()
      const { second } = fixture
      return {
        ...fixture,
        store: staged(fixture.store),
        ...(second === undefined ? {} : { second: async () => staged(await second()) }),
      }
    },
    waivers: [{ id: 'partials.unseen', reason: 'a part is made of objects' }],
    timeoutMs: 60_000,
  })
  return { ...conformance, cases: conformance.cases.filter(({ id }) => id.startsWith('partials.')) }
}

/** Objects and unfinished uploads, the marker aside. */
async function namesBelow(client: S3Client, bucket: string, prefix: string): Promise<readonly string[]> {
  const objects = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
  return [
    ...(objects.Contents ?? [])
      .map(({ Key }) => `${Key}`)
      .filter((name) => name !== `${prefix}mediakeep-volume.json`),
    ...(uploads.Uploads ?? []).map(({ Key }) => `upload of ${Key}`),
  ]
}

const isLong = process.env['MEDIAKEEP_LONG'] === '1'
/** In the short form each adapter and each server is there once. */
const shortPairs = ['s3Store on minio', 'minioStore on versitygw']

/** All cases of the kit for both adapters on one real server; where it is not installed none, which is an error in CI. */
export async function describeOnServer(serverName: ObjectServerName): Promise<void> {
  const server = await startServer(serverName)
  if (server === undefined) {
    describeWith(server)(`the kit on ${serverName}`, () => {
      test('is there', () => expect(server).toBeDefined())
    })
    return
  }
  const client = sdkOf(server)
  const bucket = await makeBucket(client, 'kit')
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })
  for (const [adapter, openStore] of Object.entries(adapters)) {
    const pair = `${adapter} on ${serverName}`
    if (!isLong && !shortPairs.includes(pair)) continue
    const harness: ObjectStoreHarness = {
      ...harnessOf(server, client, bucket, openStore),
      waivers: [...protocolWaivers, ...serverWaivers[serverName]],
      timeoutMs: 60_000,
    }
    describeObjectStore(pair, harness)
    describeConformance(`${pair}, in pieces`, inPieces(harness))
    if (!isLong) continue
    if (serverName === 'minio')
      describeConformance(`${pair}, flaky`, flaky(server, client, bucket, openStore))
    describeObjectStore(`${pair}, withFaults`, {
      ...harness,
      async create() {
        const fixture = await harness.create()
        return { ...fixture, store: withFaults(fixture.store).store }
      },
    })
  }
}
