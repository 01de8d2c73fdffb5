import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningProxy } from './proxies.ts'
import {
  expectNothingOfTheBucket,
  factsOf,
  IMAGE,
  type ProxyUnderTest,
  type Scene,
  TEXT,
  tomorrow,
  type Went,
  wentOf,
} from './proxy-scene.ts'
import { type Answer, type Ask, ask, BYTES } from './proxy-stage.ts'

/** What is ready, in the bucket and in the application. */
export function mediaCases(proxy: ProxyUnderTest, scene: () => Scene): void {
  describe('a media in a private bucket', () => {
    it.each<[string, Ask]>([
      ['whole', {}],
      ['by HEAD', { method: 'HEAD' }],
      ['a range', { headers: { range: 'bytes=2-4' } }],
      ['a range by HEAD', { method: 'HEAD', headers: { range: 'bytes=2-4' } }],
      ['the end', { headers: { range: 'bytes=-5' } }],
      ['from a byte on', { headers: { range: 'bytes=30-' } }],
      ['a range beyond the end', { headers: { range: 'bytes=99-' } }],
      ['a range that is none', { headers: { range: 'bytes=4-2' } }],
      ['a range of a former content', { headers: { range: 'bytes=2-4', 'if-range': '"former"' } }],
      ['if none matches: any', { headers: { 'if-none-match': '*' } }],
      ['if none matches: another', { headers: { 'if-none-match': '"other", W/"another"' } }],
      ['if another matches', { headers: { 'if-match': '"other"' } }],
      ['if modified since tomorrow', { headers: { 'if-modified-since': tomorrow() } }],
      ['if unmodified since 1990', { headers: { 'if-unmodified-since': 'Mon, 01 Jan 1990 00:00:00 GMT' } }],
    ])('is answered as the application would: %s', async (_, options) => {
      const { stage, through } = scene()
      const [got, direct] = [await through(TEXT, options), await ask(stage.content.port, TEXT, options)]
      expect(factsOf(got)).toEqual(factsOf(direct))
      expect(got.headers['x-media-state']).toBe('ready')
      expect(got.went.to).toBe(got.status < 300 ? 'bucket' : 'nowhere')
      expectNothingOfTheBucket(got)
    })

    it('is answered by its own tag', async () => {
      const { through } = scene()
      const { headers } = await through(TEXT)
      const etag = headers.etag ?? ''
      expect(etag).toMatch(/^"sha256-/)
      expect((await through(TEXT, { headers: { 'if-none-match': `"x", W/${etag}` } })).status).toBe(304)
      expect((await through(TEXT, { headers: { 'if-match': etag } })).status).toBe(200)
      const part = await through(TEXT, { headers: { range: 'bytes=2-4', 'if-range': etag } })
      expect([part.status, part.body.toString()]).toEqual([206, '234'])
    })

    it('is given whole to those who ask for several ranges: stores know one', async () => {
      const { status, body } = await scene().through(TEXT, { headers: { range: 'bytes=0-1,4-5' } })
      expect([status, body.toString()]).toEqual([200, BYTES.toString()])
    })

    it('can be had by nobody without the gate', async () => {
      const { stage, through } = scene()
      const { went } = await through(TEXT)
      if (went.to !== 'bucket') throw new Error('it did not go to the bucket')
      expect((await ask(stage.bucket.port, went.asked.url)).status).toBe(403)
    })
  })

  it('sends media that proxies cannot reach to the application, under a signed address', async () => {
    const { stage, through } = scene()
    const got = await through(IMAGE, { headers: { range: 'bytes=1-3', cookie: 'session=1' } })
    const direct = await ask(stage.content.port, IMAGE, { headers: { range: 'bytes=1-3' } })
    expect([got.status, got.body]).toEqual([206, direct.body])
    expect(got.headers.etag).toBe(direct.headers.etag)
    if (got.went.to !== 'content') throw new Error('it did not go to the application')
    expect(got.went.asked.url).toMatch(
      new RegExp(`^/media/${stage.media.image.id}/content\\?kid=.*&exp=\\d+&sig=`),
    )
    expect((await through(IMAGE, { headers: { 'if-none-match': got.headers.etag ?? '' } })).status).toBe(304)
    expect((await through(IMAGE, { headers: { range: 'bytes=9999-' } })).status).toBe(416)
  })

  describe('in front of the application alone', () => {
    let plain: RunningProxy | undefined
    beforeAll(async () => {
      const { addresses, plainDoor } = scene().stage
      plain = await proxy.start({
        gate: `127.0.0.1:${plainDoor.port}`,
        content: addresses.content,
        bucket: addresses.content,
      })
    })
    afterAll(() => plain?.stop())
    const through = async (path: string, options: Ask = {}): Promise<Answer & { went: Went }> => {
      const { stage } = scene()
      stage.content.asked.length = 0
      const answer = await ask(plain?.port ?? 0, path, options)
      return { ...answer, went: wentOf(stage) }
    }

    it.each([TEXT, '/media/k/im%61ge', '/media/k/image?download=1&x=/../a', '/media/k/image?a=%2F%2e;b=+&c'])(
      'goes on letter by letter as it was looked at: %s',
      async (path) => {
        const got = await through(path, { headers: { range: 'bytes=1-2', cookie: 'session=1' } })
        expect(got.status).toBe(206)
        if (got.went.to !== 'content') throw new Error('it did not go to the application')
        expect(got.went.asked.url).toBe(path)
        expect(got.went.asked.headers).toMatchObject({ cookie: 'session=1', range: 'bytes=1-2' })
        expect(got.went.asked.headers).toMatchObject({
          'x-media-state': 'ready',
          'x-media-origin': 'content',
        })
      },
    )

    it.each<[string, Ask]>([
      ['whole', {}],
      ['by HEAD', { method: 'HEAD' }],
      ['several ranges', { headers: { range: 'bytes=0-1,4-5' } }],
      ['beyond the end', { headers: { range: 'bytes=99-' } }],
      ['if none matches', { headers: { 'if-none-match': '*' } }],
      ['if another matches', { headers: { 'if-match': '"other"' } }],
      ['a range of a former content', { headers: { range: 'bytes=2-4', 'if-range': '"former"' } }],
    ])('is answered by it: %s', async (_, options) => {
      const { stage } = scene()
      const [got, direct] = [await through(TEXT, options), await ask(stage.content.port, TEXT, options)]
      const boundary = /boundary=.*|--\S+/g
      const plainOf = (answer: Answer): string => JSON.stringify(factsOf(answer)).replaceAll(boundary, '')
      expect(plainOf(got).replaceAll('private, ', '')).toBe(plainOf(direct).replaceAll('private, ', ''))
      expect(got.went.to).toBe('content')
    })

    it('loses who the client says it is', async () => {
      const got = await through(IMAGE, {
        headers: { 'x-forwarded-user': 'forged', 'x-auth-request-email': 'forged', 'x-media-id': 'forged' },
      })
      if (got.went.to !== 'content') throw new Error('it did not go to the application')
      expect(JSON.stringify(got.went.asked)).not.toContain('forged')
    })
  })
}
