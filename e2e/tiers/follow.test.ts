import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runIn } from '../../packages/cli/src/program.fixture.ts'
import { missingServer, type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'
import { makeBucket, sdkOf } from '../s3/servers.ts'
import { serve } from '../serve.ts'

describeUnless(missingServer('minio'), 'serve, over a bucket that others fill', () => {
  let server: ObjectServer
  let client: S3Client
  let folder: string
  beforeAll(async () => {
    server = await startMinio()
    client = sdkOf(server)
    folder = await mkdtemp(join(tmpdir(), 'mediakeep-follow-'))
  })
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const Bucket = 'theirs'
  const put = async (Key: string, Body: string): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'text/plain' }))
  }
  /** Builds since October 2025 keep events back until there are a few kilobytes of them. */
  const push = async (): Promise<void> => {
    for (let n = 0; n < 30; n++) await put('in/noise', `${n}`)
  }

  it('sees what comes, changes and goes there while it runs, without a reconciliation', async () => {
    await makeBucket(client, Bucket)
    await put('in/first', 'was there before')
    const tiers = [
      { name: 'disk' },
      {
        name: 'theirs',
        url: `minio://${server.host}:${server.port}/${Bucket}`,
        role: 'external',
        imports: { prefix: 'in/' },
        follow: true,
      },
    ]
    const env = {
      MINIO_ACCESS_KEY: server.accessKeyId,
      MINIO_SECRET_KEY: server.secretAccessKey,
      MEDIAKEEP_TIERS: JSON.stringify(tiers),
      MEDIAKEEP_TIERING: '{"reconcileEveryMs":0}',
    }
    const { address, stop } = await serve(folder, env)
    const answer = async (key: string): Promise<string> => {
      const response = await fetch(`${address}/media/k/${key}`)
      return response.status === 200 ? response.text() : `${response.status}`
    }
    const becomes = (key: string, text: string): Promise<void> =>
      expect.poll(() => answer(key), { timeout: 60_000, interval: 200 }).toBe(text)
    await becomes('in/first', 'was there before')
    await put('in/second', 'one')
    await put('out/third', 'none of it')
    await push()
    await becomes('in/second', 'one')
    await put('in/second', 'another one')
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'in/first' }))
    await push()
    await becomes('in/first', '404')
    await becomes('in/second', 'another one')
    expect(await answer('out/third')).toBe('404')
    expect(await stop()).toBe(0)
  }, 240_000)

  it('of its own bucket completes uploads whose senders are never heard of again', async () => {
    const bucket = await makeBucket(client, 'ours')
    const tiers = [{ name: 'ours', url: `minio://${server.host}:${server.port}/${bucket}`, follow: true }]
    const own = await mkdtemp(join(tmpdir(), 'mediakeep-follow-'))
    try {
      const { address, stop } = await serve(own, {
        MINIO_ACCESS_KEY: server.accessKeyId,
        MINIO_SECRET_KEY: server.secretAccessKey,
        MEDIAKEEP_TIERS: JSON.stringify(tiers),
      })
      const wanted = { filename: 'a.txt', contentType: 'text/plain', sizeBytes: 8, mode: 'direct' }
      const begun = await fetch(`${address}/media/uploads`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(wanted),
      })
      const { url, headers, mediaId } = (await begun.json()) as {
        url: string
        headers: Record<string, string>
        mediaId: string
      }
      const { 'content-length': _, ...sent } = headers
      expect((await fetch(url, { method: 'PUT', headers: sent, body: 'the text' })).status).toBe(200)
      for (let n = 0; n < 30; n++)
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: `objects/noise-${n}`, Body: 'noise' }))
      const content = async (): Promise<string> => (await fetch(`${address}/media/${mediaId}/content`)).text()
      await expect.poll(content, { timeout: 60_000, interval: 200 }).toBe('the text')
      expect(await stop()).toBe(0)
    } finally {
      await rm(own, { recursive: true, force: true })
    }
  }, 120_000)

  it('is refused for what cannot be followed', async () => {
    const env = {
      S3_ACCESS_KEY: 'a',
      S3_SECRET_KEY: 'b',
      MINIO_ACCESS_KEY: server.accessKeyId,
      MINIO_SECRET_KEY: server.secretAccessKey,
    }
    const refusalOf = async (tier: object): Promise<string> => {
      const MEDIAKEEP_TIERS = JSON.stringify([
        { name: 'disk' },
        { name: 'theirs', role: 'external', ...tier },
      ])
      const { code, err } = await runIn(folder, ['ls'], { env: { ...env, MEDIAKEEP_TIERS } })
      expect(code).toBe(2)
      return err
    }
    const minio = `minio://${server.host}:${server.port}/${Bucket}`
    expect(await refusalOf({ url: minio, follow: true })).toContain('imports')
    expect(await refusalOf({ url: 's3://theirs', follow: true, imports: {} })).toContain('minio:')
  })
})
