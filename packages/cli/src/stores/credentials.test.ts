import { describe, expect, it } from 'vitest'
import { minioCredentials, s3Credentials, tierVariable } from './credentials.ts'
import { loadWithPeers } from './missing-peer.ts'

const LOCAL = 'http://127.0.0.1:9000'

describe('credentials', () => {
  it('are the tier’s own, then those of the kind, then those of the SDK', () => {
    const env = {
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'as',
      AWS_SESSION_TOKEN: 'at',
      S3_ACCESS_KEY: 's',
      S3_SECRET_KEY: 'ss',
      MEDIAKEEP_TIER_FAR_AWAY_ACCESS_KEY: 't',
      MEDIAKEEP_TIER_FAR_AWAY_SECRET_KEY: 'ts',
    }
    expect(tierVariable('far-away', 'SECRET_KEY')).toBe('MEDIAKEEP_TIER_FAR_AWAY_SECRET_KEY')
    expect(s3Credentials(LOCAL, 'far-away', env)).toEqual({ accessKey: 't', secretKey: 'ts' })
    expect(s3Credentials(LOCAL, 'near', env)).toEqual({ accessKey: 's', secretKey: 'ss' })
    const { S3_ACCESS_KEY: _access, S3_SECRET_KEY: _secret, ...rest } = env
    expect(s3Credentials(LOCAL, undefined, rest)).toEqual({
      accessKey: 'a',
      secretKey: 'as',
      sessionToken: 'at',
    })
    expect(s3Credentials(LOCAL, undefined, { S3_ACCESS_KEY: '' })).toBeUndefined()
    expect(minioCredentials(LOCAL, undefined, { MINIO_ACCESS_KEY: 'm', MINIO_SECRET_KEY: 'ms' })).toEqual({
      accessKey: 'm',
      secretKey: 'ms',
    })
  })

  it('that are half or missing are refused by the names of the variables', () => {
    expect(() => minioCredentials(LOCAL, 'near', {})).toThrow(
      /MEDIAKEEP_TIER_NEAR_ACCESS_KEY .* MINIO_SECRET_KEY/,
    )
    const half = { S3_SECRET_KEY: 'planted-secret' }
    expect(() => s3Credentials(LOCAL, undefined, half)).toThrow(
      'S3_SECRET_KEY is set and S3_ACCESS_KEY is not',
    )
    expect(() => s3Credentials(LOCAL, undefined, half)).not.toThrow('planted-secret')
  })

  it('of handbooks are taken on loopback only', () => {
    const env = { MINIO_ACCESS_KEY: 'minioadmin', MINIO_SECRET_KEY: 'minioadmin' }
    for (const local of [LOCAL, 'http://localhost:9000', 'http://[::1]:9000'])
      expect(minioCredentials(local, undefined, env).accessKey).toBe('minioadmin')
    expect(() => minioCredentials('http://192.168.1.9:9000', undefined, env)).toThrow(
      expect.objectContaining({ reason: 'example-credentials' }),
    )
  })
})

describe('loadWithPeers()', () => {
  const missing = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere/store.js`), {
      code: 'ERR_MODULE_NOT_FOUND',
    })

  it('says what to install when a vendor’s package is missing', async () => {
    const load = loadWithPeers('s3', ['@aws-sdk/client-s3', 'other'], () =>
      Promise.reject(missing('@aws-sdk/client-s3')),
    )
    await expect(load).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'missing-peer',
      message: expect.stringContaining('npm install @aws-sdk/client-s3 other') as string,
    })
  })

  it('leaves every other failure as it is', async () => {
    const failure = missing('something-else')
    await expect(loadWithPeers('s3', ['minio'], () => Promise.reject(failure))).rejects.toBe(failure)
  })
})
