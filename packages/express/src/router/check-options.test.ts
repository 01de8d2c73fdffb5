import { memoryStore } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { objectRouter } from '../objects/object-router.ts'
import { memoryMedia } from '../wire.fixture.ts'
import { openAccess } from './access.ts'
import { mediaRouter } from './media-router.ts'

const access = openAccess()

describe('options of routers', () => {
  it.each([
    ['maxJsonByte is unknown; known are', { maxJsonByte: 5 }],
    ['maxJsonBytes must be a number of at least 1', { maxJsonBytes: '100' }],
    ['minBodyBytesPerSecond must be a number of at least 0', { minBodyBytesPerSecond: Number.NaN }],
    ['bodyRateWindowMs must be a number of at least 1', { bodyRateWindowMs: 0 }],
    ['maxStallMs must be a number of at least 0', { maxStallMs: -1 }],
    ['maxStallMs must be a number of at least 0 and at most', { maxStallMs: Number.POSITIVE_INFINITY }],
    ['multipart must be an object', { multipart: 5 }],
    ['multipart.maxFiles is unknown; known are maxHeadBytes', { multipart: { maxFiles: 1 } }],
    ['multipart.maxFields must be a number', { multipart: { maxFields: '64' } }],
    ['challenge must be a text that a header can hold', { challenge: 'Bearer\r\nx: y' }],
    ['onError must be a function', { onError: {} }],
    ['basePath must begin with a slash', { basePath: 'media' }],
  ])('are refused when the router is made: %s', async (message, options) => {
    const store = await memoryMedia()
    const refused = (router: string): unknown =>
      expect.objectContaining({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-option',
        message: expect.stringContaining(`${router}: ${message}`) as string,
      })
    expect(() => mediaRouter(store, { access, ...(options as object) })).toThrow(refused('mediaRouter'))
    const buckets = { b: memoryStore() }
    expect(() => objectRouter({ buckets, access, ...(options as object) })).toThrow(refused('objectRouter'))
    await store.close()
  })

  it('are all taken as they are documented, and absent where they are undefined', async () => {
    const store = await memoryMedia()
    const documented = {
      basePath: '/media/',
      maxJsonBytes: Number.POSITIVE_INFINITY,
      multipart: { maxFields: 0 },
      minBodyBytesPerSecond: 0,
      bodyRateWindowMs: 1_000,
      maxStallMs: 0,
      challenge: 'Basic realm="media"',
      onError: () => undefined,
    }
    expect(() => mediaRouter(store, { access, ...documented })).not.toThrow()
    const none = Object.fromEntries(Object.keys(documented).map((name) => [name, undefined]))
    expect(() => mediaRouter(store, { access, ...none })).not.toThrow()
    await store.close()
  })
})
