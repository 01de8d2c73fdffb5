/**
 * A volume in a bucket.
 *
 * An object is written by one request that the endpoint carries out wholly or not at all: a PUT, or the completion of an upload whose
 * parts nobody sees. Each says the SHA-256 of its bytes, so that what arrives is what was read; the digest of the whole is compared
 * before the last request, so that other bytes than those declared never become an object.
 *
 * A request may have been carried out although its answer was lost. The client asks again; the second answer to a write with a
 * condition is then "precondition failed", about ourselves. Such writes carry a mark in their metadata, by which they are told apart.
 *
 * "Absent" is concluded only from "no such key" in a bucket where our marker is: a missing or emptied bucket, another one under the
 * same name and a refusal are errors.
 */
import {
  type Call,
  type CallScope,
  createObjectReader,
  MediaError,
  type ObjectHead,
  systemClock,
  type VolumeIdentity,
} from '@mediakeep/core'
import { createScopes } from '../scopes/scopes.ts'
import { createAttempts } from './attempts.ts'
import { headOf } from './bucket.ts'
import type { BucketClient, Frame } from './bucket-client.ts'
import { configure, traitsOf } from './configure.ts'
import { deleteMany } from './delete.ts'
import { createDirectParts } from './direct-parts.ts'
import { bucketError } from './errors.ts'
import { headObject, openObject } from './get.ts'
import type { Layout } from './layout.ts'
import { listPage } from './list.ts'
import type { BucketStore, BucketStoreOptions } from './options.ts'
import { putObject } from './put.ts'
import { asError, networkCodeOf, S3Failure, saysNoSuchKey } from './s3-failure.ts'
import { type BucketAdmin, type BucketSetUp, diffBucket, setUpBucket } from './set-up.ts'
import { sweepUploads } from './sweep.ts'
import { checkPresent, derivedIdentity, openVolume, readIdentity } from './volume.ts'
import { createBucketWriter } from './writer.ts'

/** What an adapter adds to the options of its hosts. */
export interface BucketStoreParts<Raw> {
  readonly defaultName: string
  readonly client: BucketClient
  readonly admin: BucketAdmin<Raw>
  readonly paid: boolean
  /** Tells this bucket from all others: endpoint and name. */
  address(): Promise<string>
}

/** A store, and what an adapter makes members of its own from. */
export interface CreatedStore {
  readonly store: BucketStore
  readonly layout: Layout
  /** A call of the adapter's own: ended with the store, told of as the others are. */
  enter(
    options: Call | undefined,
    cause: Frame['cause'],
  ): { readonly scope: CallScope; readonly frame: Frame }
  /** In words that callers know. */
  failed(act: string, error: unknown): unknown
}

/** @throws MediaError MEDIA_BAD_INPUT for options that make no store */
export function createBucketStore<Raw>(
  options: BucketStoreOptions,
  parts: BucketStoreParts<Raw>,
): CreatedStore {
  const { name = parts.defaultName, clock = systemClock, readOnly = false, create = true } = options
  const { client } = parts
  const bucket = configure(options, name, client, clock)
  const { layout } = bucket
  const traits = traitsOf(options, bucket, parts.paid)
  const attempts = createAttempts()
  const scopes = createScopes(name, clock)
  let openCount = 0
  let isOpen = false
  let opening: Promise<void> | undefined
  let closing: Promise<void> | undefined

  const frameOf = (scope: CallScope, cause: Frame['cause']): Frame => ({
    signal: scope.signal,
    cause,
    tell: attempts.tell,
  })
  const readFrame = (scope: CallScope, call?: Call): Frame => frameOf(scope, call?.context?.cause ?? 'read')
  const writeFrame = (scope: CallScope, call?: Call): Frame => frameOf(scope, call?.context?.cause ?? 'write')

  function failed(act: string, error: unknown): unknown {
    if (error instanceof S3Failure) return bucketError(name, act, error)
    const code = networkCodeOf(error)
    return code === undefined ? error : bucketError(name, act, new S3Failure(code, { cause: error }))
  }

  async function openNow(): Promise<void> {
    const scope = scopes.enter(undefined)
    const frame = frameOf(scope, 'probe')
    try {
      if (layout.marker === undefined) await client.headBucket(frame)
      else await openVolume(bucket, layout.marker, create, frame)
      isOpen = true
    } catch (error) {
      scope.check()
      throw failed('open the bucket', error)
    }
  }

  /** Tried anew by the next call when it failed: an endpoint may come up late. */
  function open(): Promise<void> {
    opening ??= scopes.track(openNow()).finally(() => {
      opening = undefined
    })
    return opening
  }

  /** One call: its scope, the store open, errors in words that callers know. A scope that is kept belongs to the result. */
  async function call<T>(
    act: string,
    options: Call | undefined,
    work: (scope: CallScope) => Promise<T>,
    { keepScope = false, opens = true }: { readonly keepScope?: boolean; readonly opens?: boolean } = {},
  ): Promise<T> {
    const scope = scopes.enter(options)
    let kept = false
    try {
      if (opens && !isOpen) {
        await open()
        scope.check()
      }
      const result = await scopes.track(work(scope))
      kept = keepScope && result !== undefined
      return result
    } catch (error) {
      scope.check() // what an abort made of a request is not the reason
      throw failed(act, error)
    } finally {
      if (!kept) scope.release()
    }
  }

  const about = (act: string, key: string): string => `${act} ${JSON.stringify(key)}`

  function checkWritable(): void {
    if (!readOnly) return
    const message = `${name}: the bucket is registered as not ours: nothing is written to it`
    throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'read-only' })
  }

  /** Undefined when the key has no object, for sure. */
  async function unlessAbsent<T>(work: Promise<T>, frame: Frame): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      if (!(error instanceof S3Failure && saysNoSuchKey(error))) throw error
      await checkPresent(bucket, frame)
      return undefined
    }
  }

  async function closeNow(): Promise<void> {
    await scopes.close()
    client.close()
  }

  function close(): Promise<void> {
    closing ??= closeNow()
    return closing
  }

  const store: BucketStore = {
    name,
    bucket: options.bucket,
    prefix: layout.prefix,
    traits,
    get openCount() {
      return openCount
    },
    put: (key, source, options = {}) =>
      call(about('put', key), options, async (scope) => {
        checkWritable()
        return putObject(bucket, key, source, options, scope, writeFrame(scope, options))
      }),
    get: (key, options = {}) =>
      call(
        about('get', key),
        options,
        async (scope) => {
          const frame = readFrame(scope, options)
          const opened = await unlessAbsent(
            openObject(bucket, layout.nameOf(key), options.range, frame),
            frame,
          )
          if (opened === undefined) return undefined
          const { facts, range, body } = opened
          openCount += 1
          const wordOf = (error: unknown): unknown =>
            scope.signal.aborted ? error : failed(about('read', key), error)
          return createObjectReader({
            head: headOf(key, facts),
            range,
            scope,
            open: () => body.open(wordOf),
            discard: () => body.discard(),
            onFreed() {
              openCount -= 1
            },
          })
        },
        { keepScope: true },
      ),
    head: (key, options) =>
      call(about('look at', key), options, async (scope): Promise<ObjectHead | undefined> => {
        const frame = readFrame(scope, options)
        const facts = await unlessAbsent(headObject(bucket, layout.nameOf(key), frame), frame)
        return facts === undefined ? undefined : headOf(key, facts)
      }),
    delete: (key, options) =>
      call(about('delete', key), options, async (scope) => {
        checkWritable()
        await client.deleteObject(layout.nameOf(key), writeFrame(scope, options))
      }),
    deleteMany: (keys, options) =>
      call('delete objects', options, async (scope) => {
        checkWritable()
        return deleteMany(bucket, keys, writeFrame(scope, options), (key, error) => {
          return asError(scope.signal.aborted ? scope.signal.reason : failed(about('delete', key), error))
        })
      }),
    list: (options = {}) =>
      call('list', options, (scope) => listPage(bucket, options, readFrame(scope, options))),
    close,
    [Symbol.asyncDispose]: close,
    async open() {
      scopes.enter(undefined)
      if (!isOpen) await open()
    },
    async identity() {
      const { marker } = layout
      const read = async (scope: CallScope): Promise<VolumeIdentity> => {
        const frame = frameOf(scope, 'probe')
        if (marker !== undefined) return readIdentity(bucket, marker, frame)
        await client.headBucket(frame)
        return derivedIdentity(`${await parts.address()}/${layout.prefix}`)
      }
      return call('read the marker', undefined, read, { opens: false }) // opening might make a new one
    },
    presign: (key, options) =>
      call(about('sign', key), options, async () => {
        if (options.method === 'PUT') checkWritable()
        return client.sign(layout.nameOf(key), options)
      }),
    directParts: createDirectParts(bucket, (act, key, options, cause, work) =>
      call(about(act, key), options, async (scope) => {
        checkWritable()
        return work(layout.nameOf(key), frameOf(scope, options?.context?.cause ?? cause))
      }),
    ),
    createWriter: (key, options) =>
      call(
        about('write', key),
        options,
        async (scope) => {
          checkWritable()
          const writer = createBucketWriter(bucket, key, {
            scope,
            frameOf: (of, commit) => writeFrame(of, commit ?? options),
            scopes,
            failed: (error) => failed(about('write', key), error),
            onFreed() {
              openCount -= 1
            },
          })
          openCount += 1
          return writer
        },
        { keepScope: true },
      ),
    observe: attempts.observe,
    sweepUploads: ({ olderThanMs, ...options }) =>
      call('sweep uploads', options, async (scope) => {
        checkWritable()
        return sweepUploads(bucket, olderThanMs, frameOf(scope, options.context?.cause ?? 'gc'))
      }),
    diffBucket: (wanted: BucketSetUp = {}) =>
      call(
        'look at the settings of the bucket',
        undefined,
        (scope) => diffBucket(parts.admin, layout.objects, wanted, frameOf(scope, 'probe')),
        { opens: false },
      ),
    setUpBucket: (wanted: BucketSetUp = {}) =>
      call(
        'set up the bucket',
        undefined,
        async (scope) => {
          checkWritable()
          return setUpBucket(parts.admin, layout.objects, wanted, frameOf(scope, 'probe'))
        },
        { opens: false }, // there may be no bucket yet
      ),
  }
  return {
    store,
    layout,
    failed,
    enter(given, cause) {
      const scope = scopes.enter(given)
      return { scope, frame: frameOf(scope, given?.context?.cause ?? cause) }
    },
  }
}
