import { join } from 'node:path'
import { minioStore } from '@mediakeep/adapters/minio'
import { bytesSource, type MediaStore } from '@mediakeep/core'
import { beforeAll, expect, it } from 'vitest'
import { describeRealTiers, diskAt, prices, toEnd } from './real-tiers.ts'

describeRealTiers('direct addresses of a bucket', (real) => {
  let store: MediaStore
  beforeAll(async () => {
    await using owner = real().bucket('owner')
    await owner.put('web/photo.png', bytesSource(Buffer.from('somebody else’s')), {
      contentType: 'text/html',
    })
    const { minio } = real()
    store = await real().open({
      publicBaseUrl: 'https://media.example/media',
      tiers: [
        { name: 'disk', store: diskAt(join(real().folder, 'direct')) },
        { name: 's3', store: real().bucket('direct'), prices, directUrls: true },
        {
          name: 'theirs',
          role: 'external',
          imports: {},
          directUrls: true,
          store: minioStore({
            name: 'theirs',
            endpoint: minio.endpoint,
            accessKey: minio.accessKeyId,
            secretKey: minio.secretAccessKey,
            bucket: 'media',
            prefix: 'owner/objects',
            readOnly: true,
          }),
        },
      ],
      tiering: { rules: [{ name: 'text far away', match: { contentType: 'text/*' }, tiers: ['s3'] }] },
    })
    await toEnd(store.tiers.importObjects({ tier: 'theirs' }))
  })
  const soon = (): Date => new Date(Date.now() + 60_000)

  it('read it without us, with our type and disposition, and ranges', async () => {
    const media = await store.put(Buffer.from('far away'), {
      filename: 'día "1".txt',
      contentType: 'text/plain',
    })
    const url = await store.url(media.id, { expiresAt: soon(), direct: true, download: true })
    expect(url.origin).toBe(real().minio.endpoint)
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([200, 'far away'])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': expect.stringMatching(
        /^attachment; filename=.*; filename\*=UTF-8''d%C3%ADa/,
      ) as string,
      'cache-control': expect.stringMatching(/^private, max-age=\d+$/) as string,
    })
    const part = await fetch(url, { headers: { range: 'bytes=4-' } })
    expect([part.status, await part.text()]).toEqual([206, 'away'])
    const changed = new URL(url)
    changed.searchParams.set('response-content-disposition', 'inline')
    expect((await fetch(changed)).status).toBe(403)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403)
    const { rows } = await store.tiers.costs()
    expect(rows).toContainEqual(
      expect.objectContaining({ tier: 's3', class: 'get', cause: 'estimated', calls: 1, bytes: 8 }),
    )
  })

  it('end when they say', async () => {
    const media = await store.put(Buffer.from('for a moment'), { contentType: 'text/plain' })
    const url = await store.url(media.id, { expiresAt: new Date(Date.now() + 6_000), direct: true })
    expect((await fetch(url)).status).toBe(200)
    await expect.poll(async () => (await fetch(url)).status, { timeout: 20_000, interval: 200 }).toBe(403)
    expect(await (await store.open(media.id)).bytes({ maxBytes: 100 })).toHaveLength(12)
  })

  it('read a bucket that is not ours, never as what its owner calls it, and write nothing there', async () => {
    const media = await store.stat({ key: 'web/photo.png' })
    const url = await store.url({ key: 'web/photo.png' }, { expiresAt: soon(), direct: true })
    const answer = await fetch(url)
    expect(await answer.text()).toBe('somebody else’s')
    expect(answer.headers.get('content-type')).toBe(media?.contentType)
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403)
  })

  it('are our own where the bytes are on a disk', async () => {
    const media = await store.put(Buffer.from([0, 1, 2, 3]))
    expect((await store.url(media.id, { expiresAt: soon(), direct: true })).host).toBe('media.example')
  })
})
