import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CostReport, Media, PlacementExplanation } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answer, runIn } from '../../packages/cli/src/program.fixture.ts'
import { missingServer, type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'

describeUnless(missingServer('minio'), 'the command line over MinIO', () => {
  let server: ObjectServer
  let parent: string
  /** All that commands ever said: no secret may be in it. */
  let said = ''
  /** What Node warns of goes to the terminal of whoever uses the command line. */
  const leaks: string[] = []
  const onWarning = ({ name, message }: Error): void => {
    if (name === 'MaxListenersExceededWarning') leaks.push(message)
  }
  beforeAll(async () => {
    process.on('warning', onWarning)
    server = await startMinio()
    parent = await mkdtemp(join(tmpdir(), 'mediakeep-cli-minio-'))
  })
  afterAll(async () => {
    process.off('warning', onWarning)
    await server?.stop()
    await rm(parent, { recursive: true, force: true })
  })

  const usual = (bucket: string): Record<string, string> => ({
    MINIO_ENDPOINT: server.host,
    MINIO_PORT: String(server.port),
    MINIO_BUCKET_NAME: bucket,
    MINIO_ACCESS_KEY: server.accessKeyId,
    MINIO_SECRET_KEY: server.secretAccessKey,
  })
  const run = async (folder: string, env: Record<string, string>, ...args: string[]): Promise<Answer> => {
    const answer = await runIn(folder, args, { env })
    said += answer.out + answer.err
    return answer
  }
  const folderOf = async (name: string): Promise<string> => {
    const folder = join(parent, name)
    await mkdir(folder)
    return folder
  }

  it('keeps a disk and a bucket: makes them, moves by watermark, tells why and for how much, warms, and checks', async () => {
    const folder = await folderOf('tiers')
    const env = {
      MEDIAKEEP_TIER_FAR_ACCESS_KEY: server.accessKeyId,
      MEDIAKEEP_TIER_FAR_SECRET_KEY: server.secretAccessKey,
      MEDIAKEEP_TIERING: '{"burst":{"holdMs":0},"budget":{"dailyDollars":1}}',
    }
    const url = `s3://far-media/app?endpoint=${encodeURIComponent(server.endpoint)}`
    const tiers = [
      { name: 'disk', capacity: '1MiB', highWatermarkRatio: 0.5, lowWatermarkRatio: 0.3 },
      { name: 'far', url, prices: 'aws:us-east-1' },
    ]
    await writeFile(join(folder, 'mediakeep.config.json'), JSON.stringify({ tiers }))
    const mediakeep = (...args: string[]): Promise<Answer> => run(folder, env, ...args)

    expect((await mediakeep('init', '--check')).code).toBe(3)
    const made = await mediakeep('init')
    expect(made.code).toBe(0)
    expect(made.out).toContain('made    bucket: it was missing, now there')
    expect((await mediakeep('init', '--check')).code).toBe(0)

    await mkdir(join(folder, 'in'))
    for (let index = 0; index < 8; index++)
      await writeFile(join(folder, 'in', `k${index}`), Buffer.alloc(100_000, index + 1))
    expect((await mediakeep('import', 'in')).code).toBe(0)
    expect((await mediakeep('tier', 'plan')).out).toMatch(/^demote +disk +far/m)
    expect((await mediakeep('tier', 'apply')).code).toBe(0)

    const cold: string[] = []
    for (let index = 0; index < 8; index++) {
      const { out } = await mediakeep('tier', 'explain', `key:k${index}`, '--json')
      const { copies } = JSON.parse(out) as PlacementExplanation
      expect(copies.length).toBe(1)
      if (copies[0]?.tier === 'far') cold.push(`key:k${index}`)
    }
    expect(cold.length).toBeGreaterThanOrEqual(4)
    const [ref = ''] = cold
    expect(JSON.parse((await mediakeep('stat', ref, '--json')).out)).toMatchObject({ availability: 'cold' })
    expect(await mediakeep('warm', ref)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ready on disk/) as string,
    })
    for (let index = 0; index < 8; index++) {
      const { bytes } = await mediakeep('get', `key:k${index}`)
      expect(bytes.equals(Buffer.alloc(100_000, index + 1))).toBe(true)
    }

    const costs = JSON.parse((await mediakeep('tier', 'costs', '--json')).out) as CostReport
    expect(costs.spentDollars).toBeGreaterThan(0)
    expect(costs.budget).toMatchObject({ dailyDollars: 1 })
    expect(new Set(costs.rows.map(({ class: of }) => of))).toContain('put')
    expect((await mediakeep('tier', 'costs')).out).toMatch(/spent \$0\.000\d+, avoided /)
    expect((await mediakeep('usage', '--by', 'tier')).out).toMatch(/^far /m)
    expect(await mediakeep('verify')).toMatchObject({ code: 0 })
  })

  it('checks a live bucket and leaves nothing in it, and says what is wrong with one that cannot be used', async () => {
    const folder = await folderOf('doctor')
    const url = `minio://${server.host}:${server.port}/doctor-media`
    const env = usual('doctor-media')
    const missingBucket = await run(folder, env, 'doctor', url)
    expect(missingBucket).toMatchObject({ code: 3, out: expect.stringContaining('mediakeep init') as string })
    expect((await run(folder, env, 'init', url)).code).toBe(0)
    const checked = await run(folder, env, 'doctor', url, '--json')
    const lines = checked.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.at(-1)).toEqual({ check: 'verdict', ok: true, faults: 0 })
    expect(lines.filter(({ outcome }) => outcome === 'passed').length).toBe(10)
    expect(checked.code).toBe(0)
    // Nothing of the probes is left: a second check that lists them finds none.
    expect((await run(folder, env, 'doctor', url)).code).toBe(0)

    const wrong = { ...env, MINIO_SECRET_KEY: `${server.secretAccessKey}x` }
    const denied = await run(folder, wrong, 'doctor', url, '--json')
    expect(denied.code).toBe(3)
    expect(denied.out).toContain('credentials')
  })

  it('fails over by the usual names: MinIO first, the folder while it is away, and back again', async () => {
    const folder = await folderOf('failover')
    const env = { ...usual('failover-media'), MEDIAKEEP_TIERING: '{"burst":{"holdMs":0}}' }
    const mediakeep = (...args: string[]): Promise<Answer> => run(folder, env, ...args)
    const tierOf = async (key: string): Promise<string | undefined> => {
      const { out } = await mediakeep('tier', 'explain', `key:${key}`, '--json')
      return (JSON.parse(out) as PlacementExplanation).copies.map(({ tier }) => tier).join()
    }
    expect((await mediakeep('init')).code).toBe(0)
    await writeFile(join(folder, 'a.txt'), 'while it is there')
    await writeFile(join(folder, 'b.txt'), 'while it is away')
    expect((await mediakeep('put', 'a.txt', '--key', 'a')).code).toBe(0)
    expect(await tierOf('a')).toBe('minio')
    await server.kill()
    try {
      const put = await mediakeep('put', 'b.txt', '--key', 'b', '--json')
      expect(put.code).toBe(0)
      expect((JSON.parse(put.out) as Media).key).toBe('b')
      expect((await mediakeep('get', 'key:b')).out).toBe('while it is away')
      expect(await tierOf('b')).toBe('disk')
      expect(await mediakeep('get', 'key:a')).toMatchObject({ code: 1, out: '' })
      expect((await mediakeep('health')).code).toBe(3)
    } finally {
      await server.restart()
    }
    expect((await mediakeep('tier', 'apply')).code).toBe(0)
    expect(await tierOf('b')).toBe('minio')
    for (const [key, text] of [
      ['a', 'while it is there'],
      ['b', 'while it is away'],
    ] as const)
      expect((await mediakeep('get', `key:${key}`)).out).toBe(text)
  })

  it('never says a secret, in answers, errors or JSON, and makes Node warn of no leak', () => {
    expect(leaks).toEqual([])
    expect(said.length).toBeGreaterThan(1_000)
    expect(said.includes(server.secretAccessKey)).toBe(false)
    expect(said.includes('x-amz-signature')).toBe(false)
  })
})
