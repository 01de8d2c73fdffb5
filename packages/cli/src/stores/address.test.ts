import { isMediaError } from '@mediakeep/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatStoreUrl, parseStoreUrl, type StoreAddress } from './address.ts'

const bucket = fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,20}[a-z0-9]$/)
const host = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(\.[a-z]{2,5})?(:[1-9][0-9]{2,3})?$/)
const prefix = fc
  .array(
    fc
      .string({ minLength: 1, maxLength: 8, unit: 'grapheme' })
      .filter((part) => !/[/\0]|^\.{1,2}$/.test(part)),
    { maxLength: 3 },
  )
  .map((parts) => parts.join('/'))
const region = fc.option(fc.constantFrom('us-east-1', 'eu-west-1'), { nil: undefined })
const endpoint = fc
  .tuple(fc.constantFrom('http', 'https'), host)
  .map(([scheme, at]) => new URL(`${scheme}://${at}`).origin)
const address: fc.Arbitrary<StoreAddress> = fc
  .oneof(
    fc.record({
      scheme: fc.constant('s3' as const),
      bucket,
      prefix,
      endpoint: fc.option(endpoint, { nil: undefined }),
      region,
    }),
    fc.record({ scheme: fc.constant('minio' as const), endpoint, bucket, prefix, region }),
    fc.record({
      scheme: fc.constant('file' as const),
      folder: prefix.map((path) => (path === '' ? '/' : `/${path}`)),
    }),
    fc.record({
      scheme: fc.constant('http' as const),
      url: fc.tuple(endpoint, bucket).map(([at, name]) => `${at}/objects/${name}`),
    }),
    fc.record({ scheme: fc.constant('memory' as const) }),
  )
  .map(
    (each) =>
      Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)) as StoreAddress,
  )

describe('parseStoreUrl()', () => {
  it('reads back every address that formatStoreUrl() writes', () => {
    fc.assert(
      fc.property(address, (each) => {
        expect(parseStoreUrl(formatStoreUrl(each))).toEqual(each)
      }),
    )
  })

  it('reads what people write', () => {
    expect(parseStoreUrl('s3://media')).toEqual({ scheme: 's3', bucket: 'media', prefix: '' })
    expect(parseStoreUrl('s3://media/a/b/?endpoint=https://s3.example.com:9000&region=eu-west-1')).toEqual({
      scheme: 's3',
      bucket: 'media',
      prefix: 'a/b',
      endpoint: 'https://s3.example.com:9000',
      region: 'eu-west-1',
    })
    expect(parseStoreUrl('minio://127.0.0.1:9000/media/app')).toEqual({
      scheme: 'minio',
      endpoint: 'http://127.0.0.1:9000',
      bucket: 'media',
      prefix: 'app',
    })
    expect(parseStoreUrl('minio://[::1]:9000/media?ssl=true')).toMatchObject({
      endpoint: 'https://[::1]:9000',
    })
    expect(parseStoreUrl('https://media.example.com/a/objects/media/')).toEqual({
      scheme: 'http',
      url: 'https://media.example.com/a/objects/media',
    })
    expect(parseStoreUrl('file:///var/lib/media%20files')).toEqual({
      scheme: 'file',
      folder: '/var/lib/media files',
    })
    expect(parseStoreUrl('memory:')).toEqual({ scheme: 'memory' })
  })

  it.each([
    ['nothing', ''],
    ['a path', '/var/media'],
    ['an unknown scheme', 'ftp://host/media'],
    ['a bucket that is none', 's3://Media_Files'],
    ['a bucket that is too short', 's3://ab'],
    ['a host as bucket', 's3://localhost:9000/media'],
    ['no bucket', 's3:///prefix'],
    ['minio without a bucket', 'minio://127.0.0.1:9000'],
    ['minio without a host', 'minio:///media'],
    ['an empty segment', 's3://media/a//b'],
    ['an endpoint with a path', 's3://media?endpoint=http://h/path'],
    ['an endpoint that is no address', 's3://media?endpoint=h:9000'],
    ['a query that is unknown', 's3://media?colour=red'],
    ['a query twice', 's3://media?region=a&region=b'],
    ['a part behind #', 's3://media#a'],
    ['a folder of another host', 'file://host/media'],
    ['an instance without its bucket', 'http://host/media'],
    ['memory with a name', 'memory:a'],
    ['a setting of the store that is none', 's3://media?conditionalPut=maybe'],
  ])('refuses %s', (_, text) => {
    expect(() => parseStoreUrl(text)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-store-url' }),
    )
  })

  it('never repeats a secret that was put into the URL, wherever it stands', () => {
    const secret = 'wJalrXUtnFEMI-K7MDENG'
    for (const text of [
      `s3://AKIA:${secret}@media/app`,
      `s3://AKIA:${secret}@media:no port/app`,
      `minio://user:${secret}@127.0.0.1:9000/media`,
      `http://user:${secret}@host/objects/media`,
      `s3://media?endpoint=http://user:${secret}@host`,
      `s3://media?secretKey=${secret}`,
      `s3://media?region=${secret}%00`,
      `minio://h/media?ssl=${secret}`,
      `${secret}`,
      `s3://media/a#${secret}`,
    ]) {
      let message = ''
      try {
        parseStoreUrl(text)
      } catch (error) {
        if (!isMediaError(error)) throw error
        message = `${error.message} ${JSON.stringify(error)}`
      }
      expect(message, text).toContain('the store URL cannot be used')
      expect(message.includes(secret), message).toBe(false)
    }
  })

  it('answers any text with an address or a MediaError', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('s3://', 'minio://', 'file://', 'http://', 'memory:'), fc.string())
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (each) => {
        try {
          parseStoreUrl(each)
        } catch (error) {
          expect(isMediaError(error, 'MEDIA_BAD_INPUT')).toBe(true)
        }
      }),
    )
  })
})
