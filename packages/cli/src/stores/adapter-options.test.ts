import { clamavScanner } from '@mediakeep/adapters/clamav'
import { fsStore } from '@mediakeep/adapters/fs'
import { httpStore } from '@mediakeep/adapters/http'
import { minioStore } from '@mediakeep/adapters/minio'
import { postgresCatalog } from '@mediakeep/adapters/postgres'
import { openRedisStates, redisStates } from '@mediakeep/adapters/redis'
import { s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { describe, expect, it } from 'vitest'

/** Options as plain JavaScript may give them. */
const loose = (value: object) => value as never
const minio = { endpoint: 'http://127.0.0.1:1', accessKey: 'a', secretKey: 'b', bucket: 'c' }
const url = 'http://127.0.0.1:1/objects/c'

describe('options that an adapter does not take', () => {
  const made: Readonly<Record<string, () => unknown>> = {
    'fsStore has no option "durable"': () => fsStore(loose({ root: '/nowhere', durable: true })),
    's3Store has no option "readonly"': () => s3Store(loose({ bucket: 'c', readonly: true })),
    's3Store with a client has no option "region"': () =>
      s3Store(loose({ bucket: 'c', client: {}, region: 'eu-central-1' })),
    'minioStore has no option "useSSL"': () => minioStore(loose({ ...minio, useSSL: true })),
    'httpStore has no option "bearer"': () => httpStore(loose({ url, bearer: 'x' })),
    'traits of httpStore has no option "shared"': () => httpStore(loose({ url, traits: { shared: false } })),
    'sqliteCatalog has no option "path"': () => sqliteCatalog(loose({ path: '/nowhere' })),
    'postgresCatalog has no option "url"': () => postgresCatalog(loose({ url: 'postgres://h/d' })),
    'postgresCatalog with a pool has no option "maxConnections"': () =>
      postgresCatalog(loose({ pool: {}, maxConnections: 1 })),
    'redisStates has no option "url"': () => redisStates(loose({ url: 'redis://h' })),
    'openRedisStates has no option "client"': () => openRedisStates(loose({ url: 'redis://h', client: {} })),
    'clamavScanner has no option "socket"': () => clamavScanner(loose({ socket: '/run/clamd' })),
  }
  for (const [message, make] of Object.entries(made))
    it(`are refused: ${message}`, async () => {
      await expect((async () => make())()).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'unknown-option',
        message: expect.stringContaining(message),
      })
    })
})
