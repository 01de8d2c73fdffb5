import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { awsPrices, GiB } from '@mediakeep/core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Config } from './keys.ts'
import { loadConfig } from './load.ts'
import { parseSize } from './sizes.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const fromEnv = (env: Record<string, string>): Promise<Config> => loadConfig({ cwd: folder, env, flags: {} })
const tiersOf = async (env: Record<string, string>): Promise<unknown> =>
  (await fromEnv(env)).tiers?.map(({ name, url }) => [name, url])

describe('parseSize()', () => {
  it('reads whole bytes and sizes with their unit', () => {
    expect(['1', '800GiB', '1.5 TB', '10kb', ' 2 MiB '].map(parseSize)).toEqual([
      1,
      800 * GiB,
      1.5e12,
      10_000,
      2_097_152,
    ])
    expect(
      ['', '-1', '1e3', '1 pb', 'GiB', '0x10', '9999999999TiB', '1 GiBs', '1..2'].map(parseSize),
    ).toEqual(Array.from({ length: 9 }, () => undefined))
  })

  it('gives back any whole number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (bytes) => {
        expect(parseSize(String(bytes))).toBe(bytes)
      }),
    )
  })
})

describe('tiers in settings', () => {
  const file = {
    tiers: [
      { name: 'disk', capacity: '800GiB', highWatermarkRatio: 0.9, lowWatermarkRatio: 0.8 },
      { name: 's3', url: 's3://media/app?region=eu-west-1', prices: 'aws:eu-west-1', eviction: 'lru' },
      {
        name: 'old',
        url: 'minio://127.0.0.1:9000/old',
        role: 'external',
        prices: { perGigabyteMonth: 0.01 },
      },
    ],
    tiering: {
      rules: [{ name: 'films', match: { contentType: 'video/*', minBytes: '1GiB' }, tiers: ['s3'] }],
      burst: { whenFull: true, whenSlowerThanMs: 50, holdMs: 1000, drainBack: false },
      promotion: { reads: 3, windowMs: 60_000, maxBytes: '2GiB' },
      budget: { dailyDollars: 5, stopBursts: true, delayReads: false },
      evictGraceMs: 0,
      maxMoves: 8,
    },
    minCopies: 1,
    hostId: 'host-1',
  }
  const wanted = {
    tiers: [
      { name: 'disk', capacityBytes: 800 * GiB, highWatermarkRatio: 0.9, lowWatermarkRatio: 0.8 },
      { name: 's3', url: 's3://media/app?region=eu-west-1', prices: awsPrices('eu-west-1'), eviction: 'lru' },
      {
        name: 'old',
        url: 'minio://127.0.0.1:9000/old',
        role: 'external',
        prices: { perGigabyteMonth: 0.01 },
      },
    ],
    tiering: {
      ...file.tiering,
      rules: [{ name: 'films', match: { contentType: 'video/*', minBytes: GiB }, tiers: ['s3'] }],
      promotion: { reads: 3, windowMs: 60_000, maxBytes: 2 * GiB },
    },
    minCopies: 1,
    hostId: 'host-1',
  }

  it('are the same from a file and from the environment', async () => {
    await writeFile(join(folder, 'tiers.json'), JSON.stringify(file))
    expect(await loadConfig({ cwd: folder, env: {}, file: 'tiers.json', flags: {} })).toMatchObject(wanted)
    const env = {
      MEDIAKEEP_TIERS: JSON.stringify(file.tiers),
      MEDIAKEEP_TIERING: JSON.stringify(file.tiering),
      MEDIAKEEP_MIN_COPIES: '1',
      MEDIAKEEP_HOST_ID: 'host-1',
    }
    expect(await fromEnv(env)).toMatchObject(wanted)
  })

  it('stay away where nothing asks for them', async () => {
    const config = await fromEnv({
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_REGION: 'eu-west-1',
    })
    expect(config).not.toHaveProperty('tiers')
    expect(config).not.toHaveProperty('tiering')
  })

  const tier = (more: object): string => JSON.stringify([{ name: 'disk', ...more }])
  it.each<[string, Record<string, string>, string]>([
    ['what is not JSON', { MEDIAKEEP_TIERS: '[{' }, 'MEDIAKEEP_TIERS'],
    ['no tiers', { MEDIAKEEP_TIERS: '[]' }, 'MEDIAKEEP_TIERS'],
    ['an unknown key of a tier', { MEDIAKEEP_TIERS: tier({ colour: 1 }) }, 'colour'],
    ['a name that is none', { MEDIAKEEP_TIERS: '[{"name":"My Disk"}]' }, 'MEDIAKEEP_TIERS.0.name'],
    [
      'a capacity that is none',
      { MEDIAKEEP_TIERS: tier({ capacity: 'much' }) },
      'MEDIAKEEP_TIERS.0.capacity',
    ],
    ['a capacity of nothing', { MEDIAKEEP_TIERS: tier({ capacity: 0 }) }, 'MEDIAKEEP_TIERS.0.capacity'],
    ['a watermark over 1', { MEDIAKEEP_TIERS: tier({ highWatermarkRatio: 90 }) }, 'highWatermarkRatio'],
    ['a role that is none', { MEDIAKEEP_TIERS: tier({ role: 'attic' }) }, 'role'],
    [
      'an order of leaving that is none',
      { MEDIAKEEP_TIERS: tier({ eviction: 'mru' }) },
      'MEDIAKEEP_TIERS.0.eviction',
    ],
    ['prices of nowhere', { MEDIAKEEP_TIERS: tier({ prices: 'aws:moon-1' }) }, 'MEDIAKEEP_TIERS.0.prices'],
    [
      'a price of an unknown request',
      { MEDIAKEEP_TIERS: tier({ prices: { perRequest: { fetch: 1 } } }) },
      'fetch',
    ],
    ['a price below 0', { MEDIAKEEP_TIERS: tier({ prices: { perGigabyteOut: -1 } }) }, 'perGigabyteOut'],
    ['a store URL that is none', { MEDIAKEEP_TIERS: tier({ url: 'ftp://h' }) }, 'MEDIAKEEP_TIERS.0.url'],
    ['an unknown burst condition', { MEDIAKEEP_TIERING: '{"burst":{"whenTired":true}}' }, 'whenTired'],
    [
      'a budget without its sum',
      { MEDIAKEEP_TIERING: '{"budget":{}}' },
      'MEDIAKEEP_TIERING.budget.dailyDollars',
    ],
    [
      'a rule without tiers',
      { MEDIAKEEP_TIERING: '{"rules":[{"name":"a","match":{},"tiers":[]}]}' },
      'rules.0.tiers',
    ],
    ['a second folder beside tiers', { MEDIAKEEP_SECOND_DATA: 'b', MEDIAKEEP_TIERS: tier({}) }, 'secondData'],
    ['a name of a host that is none', { MEDIAKEEP_HOST_ID: 'a b' }, 'MEDIAKEEP_HOST_ID'],
    [
      'credentials of no tier',
      { MEDIAKEEP_TIERS: tier({}), MEDIAKEEP_TIER_DISC_SECRET_KEY: 'x' },
      'MEDIAKEEP_TIER_DISC_SECRET_KEY',
    ],
  ])('refuses %s by its name', async (_, env, word) => {
    await expect(fromEnv(env)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(word) as string,
    })
  })

  it('never repeats a value that may be secret', async () => {
    const secret = 'planted-secret'
    for (const env of [
      { MEDIAKEEP_TIERS: `[{"name":"${secret}` },
      { MEDIAKEEP_TIERS: tier({ url: `s3://AKIA:${secret}@media` }) },
      { MEDIAKEEP_TIERS: tier({ url: `s3://media?secret=${secret}` }) },
      { MEDIAKEEP_TIERS: tier({ role: secret }) },
      { MEDIAKEEP_TIERS: tier({ prices: secret }) },
      { MINIO_ENDPOINT: `http://user:${secret}@h` },
      { MINIO_ENDPOINT: `http://${secret}@h:port` },
      { S3_ENDPOINT: `u:${secret}@h:9000` },
      { MEDIA_PROXY_URL: `http://u:${secret}@h` },
      { MEDIAKEEP_TIER_X_SECRET_KEY: secret },
    ]) {
      const failure = await fromEnv(env as Record<string, string>).then(
        () => 'taken',
        (error: unknown) => (error instanceof Error ? `${error.message} ${error.stack ?? ''}` : 'no error'),
      )
      expect(failure.includes(secret), failure).toBe(false)
      expect(failure).toContain('configuration: ')
    }
  })
})

describe('the usual names', () => {
  const minio = { MINIO_ENDPOINT: '127.0.0.1', MINIO_PORT: '9000', MINIO_BUCKET_NAME: 'files' }

  it('make a tier each, in the order of failover, with the own folder last', async () => {
    expect(await tiersOf({ ...minio, S3_BUCKET_NAME: 'far', MEDIA_PROXY_URL: 'http://proxy:3001' })).toEqual([
      ['minio', 'minio://127.0.0.1:9000/files'],
      ['s3', 's3://far'],
      ['proxy', 'http://proxy:3001/objects/media'],
      ['disk', undefined],
    ])
  })

  it('understand hosts, hosts with a port, and addresses', async () => {
    const first = async (env: Record<string, string>): Promise<unknown> =>
      ((await tiersOf(env)) as unknown[][])[0]?.[1]
    expect(await first({ MINIO_ENDPOINT: 'files:9000' })).toBe('minio://files:9000/media')
    expect(await first({ MINIO_ENDPOINT: 'http://files:9000/' })).toBe('minio://files:9000/media')
    expect(await first({ MINIO_ENDPOINT: 'files', MINIO_USE_SSL: 'true' })).toBe(
      'minio://files/media?ssl=true',
    )
    expect(await first({ MINIO_ENDPOINT: 'https://files:9000' })).toBe('minio://files:9000/media?ssl=true')
    expect(await first({ S3_ENDPOINT: '127.0.0.1:9000' })).toBe(
      's3://media?endpoint=http%3A%2F%2F127.0.0.1%3A9000',
    )
    expect(await first({ S3_ENDPOINT: 's3.example.com' })).toBe(
      's3://media?endpoint=https%3A%2F%2Fs3.example.com',
    )
    expect(await first({ S3_ENDPOINT: 'files:9000', S3_USE_SSL: 'false' })).toBe(
      's3://media?endpoint=http%3A%2F%2Ffiles%3A9000',
    )
    expect(await first({ AWS_S3_BUCKET: 'far', AWS_ENDPOINT_URL: 'http://127.0.0.1:1' })).toBe(
      's3://far?endpoint=http%3A%2F%2F127.0.0.1%3A1',
    )
    expect(await first({ MEDIA_PROXY_URL: 'https://proxy/objects/files' })).toBe(
      'https://proxy/objects/files',
    )
  })

  it('give way to tiers that are written down', async () => {
    expect(await tiersOf({ ...minio, MEDIAKEEP_TIERS: '[{"name":"disk"}]' })).toEqual([['disk', undefined]])
  })

  it.each<[string, Record<string, string>, string]>([
    ['ports that differ', { MINIO_ENDPOINT: 'h:1', MINIO_PORT: '2' }, 'MINIO_PORT'],
    ['a port that is none', { MINIO_ENDPOINT: 'h', MINIO_PORT: 'x' }, 'MINIO_PORT'],
    ['TLS said in two ways', { MINIO_ENDPOINT: 'http://h', MINIO_USE_SSL: 'true' }, 'MINIO_USE_SSL'],
    ['a flag that is none', { S3_ENDPOINT: 'h', S3_USE_SSL: 'maybe' }, 'S3_USE_SSL'],
    ['a bucket that is none', { MINIO_ENDPOINT: 'h', MINIO_BUCKET_NAME: 'My Files' }, 'MINIO_BUCKET_NAME'],
    ['an endpoint with a path', { S3_ENDPOINT: 'http://h/media' }, 'S3_ENDPOINT'],
    ['an address of another kind', { MEDIA_PROXY_URL: 'ftp://h' }, 'MEDIA_PROXY_URL'],
  ])('refuse %s by the name', async (_, env, word) => {
    await expect(fromEnv(env)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(word) as string,
    })
  })
})
