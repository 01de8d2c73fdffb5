import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { type FsStore, fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  type Availability,
  type Body,
  type Catalog,
  createMediaStore,
  type Digest,
  isMediaError,
  type Media,
  type MediaErrorCode,
  type MediaEvent,
  type MediaPage,
  type MediaReader,
  type MediaRef,
  type MediaStore,
  type ObjectStore,
  type PutOptions,
  type WriteCondition,
} from '@mediakeep/core'
import { drainServer, mediaRouter, openAccess } from '@mediakeep/express'
import { memoryMediaStore } from '@mediakeep/testkit'
import { describe, expectTypeOf, it } from 'vitest'
import { openMediaStore } from './open-media-store.ts'

// What hosts compile against. The type check of the tests is what fails here; running them asserts nothing more.
describe('public types', () => {
  it('let a body be any of the six forms, and nothing else', () => {
    expectTypeOf<Readable>().toExtend<Body>()
    expectTypeOf<Uint8Array>().toExtend<Body>()
    expectTypeOf<Buffer>().toExtend<Body>()
    expectTypeOf<Blob>().toExtend<Body>()
    expectTypeOf<AsyncGenerator<Uint8Array>>().toExtend<Body>()
    expectTypeOf<{ path: string; move: true }>().toExtend<Body>()
    expectTypeOf<string>().not.toExtend<Body>()
    expectTypeOf<IncomingMessage>().toExtend<Body>()
  })

  it('give records, readers and pages', () => {
    expectTypeOf<MediaStore['put']>().returns.resolves.toEqualTypeOf<Media>()
    expectTypeOf<MediaStore['stat']>().returns.resolves.toEqualTypeOf<Media | undefined>()
    expectTypeOf<MediaStore['open']>().parameter(0).toEqualTypeOf<MediaRef | Media>()
    expectTypeOf<MediaStore['open']>().returns.resolves.toEqualTypeOf<MediaReader>()
    expectTypeOf<MediaStore['list']>().returns.resolves.toEqualTypeOf<MediaPage>()
    expectTypeOf<MediaStore['listAll']>().returns.toEqualTypeOf<AsyncIterable<Media>>()
    expectTypeOf<MediaStore['events']>().returns.toEqualTypeOf<AsyncIterable<MediaEvent>>()
    expectTypeOf<MediaReader['stream']>().returns.toEqualTypeOf<Readable>()
    expectTypeOf<Media['digest']>().toEqualTypeOf<Digest | undefined>()
    expectTypeOf<Media>().toHaveProperty('createdAt').toEqualTypeOf<Date>()
  })

  it('keep options readonly and closed', () => {
    expectTypeOf<PutOptions['when']>().not.toEqualTypeOf<WriteCondition | undefined>()
    expectTypeOf<{ fileName: string }>().not.toExtend<Required<Pick<PutOptions, 'filename'>>>()
    expectTypeOf<Availability['state']>().toEqualTypeOf<
      'ready' | 'cold' | 'loading' | 'failed' | 'held' | 'missing'
    >()
    expectTypeOf<MediaErrorCode>().toExtend<`MEDIA_${string}`>()
  })

  it('compose: adapters are what core asks for, routers what node:http gives', () => {
    expectTypeOf(fsStore).returns.toEqualTypeOf<FsStore>()
    expectTypeOf<FsStore>().toExtend<ObjectStore>()
    expectTypeOf(sqliteCatalog).returns.toEqualTypeOf<Catalog>()
    expectTypeOf(createMediaStore).returns.resolves.toEqualTypeOf<MediaStore>()
    expectTypeOf(openMediaStore).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(openMediaStore).returns.resolves.toEqualTypeOf<MediaStore>()
    expectTypeOf(memoryMediaStore).returns.resolves.toExtend<MediaStore>()
    expectTypeOf(mediaRouter).returns.toExtend<(request: IncomingMessage, response: ServerResponse) => void>()
    expectTypeOf(drainServer).returns.resolves.toBeVoid()
    expectTypeOf(openAccess()).toHaveProperty('authorize')
    // `access` is required.
    expectTypeOf<Parameters<typeof mediaRouter>[1]>().not.toExtend<{ access?: undefined }>()
  })

  it('narrow an unknown failure', () => {
    const failure: unknown = new Error('x')
    if (isMediaError(failure)) expectTypeOf(failure.code).toEqualTypeOf<MediaErrorCode>()
  })
})
