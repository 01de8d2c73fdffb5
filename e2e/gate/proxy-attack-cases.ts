import { beforeEach, describe, expect, it } from 'vitest'
import { IMAGE, type ProxyUnderTest, type Scene, SECRET, signedIn, TEXT } from './proxy-scene.ts'
import { SIGN_IN_PROXY } from './proxy-stage.ts'

/** Addresses, headers and users that are not what they seem. */
export function attackCases(proxy: ProxyUnderTest, scene: () => Scene): void {
  describe('an address', () => {
    beforeEach(() => {
      scene().stage.gateDoor.asked.length = 0
    })

    // What was sent, and the key that it may be read as; undefined: as none.
    it.each<[string, string | undefined]>([
      [TEXT, 'text/a b.txt'],
      ['/media/k/text/%61%20b.txt', 'text/a b.txt'],
      ['/media/k/text/a%20b.txt?x=/../../k/secret', 'text/a b.txt'],
      ['/media/k/text/a%20b.txt?X-Amz-Signature=1&versionId=2', 'text/a b.txt'],
      ['/media/k/x/../image', undefined],
      ['/media/k/x/%2e%2e/image', undefined],
      ['/media/k/./image', undefined],
      ['/media/k//image', undefined],
      ['//media/k/image', undefined],
      ['/media//k/image', undefined],
      ['/media/k/x%2f..%2fimage', undefined],
      ['/media%2fk%2fimage', undefined],
      ['/media/k/..%5cimage', undefined],
      ['/media/k/..\\image', undefined],
      ['/media/k/x\\..\\image', undefined],
      ['/media/k/image%00', undefined],
      ['/media/k/%252e%252e/image', undefined],
      ['/media/k/%25252e/image', undefined],
      ['/media/k/%c0%ae%c0%ae/image', undefined],
      ['/media/k/%u002e/image', undefined],
      ['/media/k/%ef%bc%8e%ef%bc%8e/image', undefined],
      ['/media/k/image%3fx=1', undefined],
      ['/media/k/image;v=1', undefined],
      ['/media/k/image/', undefined],
      ['/media/k/image.', undefined],
      ['/media/k/image%20', undefined],
      ['/MEDIA/k/image', undefined],
      ['/media/k/IMAGE', undefined],
      ['/other/../media/k/image', undefined],
      ['/media/../media/k/image', undefined],
      ['/..%2fmedia/k/image', undefined],
      ['/media/k/text/a+b.txt', undefined],
      [`/media/k/${'a'.repeat(8_192)}`, undefined],
    ])('is asked for as it was looked at, or refused: %s', async (path, key) => {
      const { stage, through } = scene()
      const got = await through(path, signedIn())
      if (key === undefined) {
        expect(got.status).toBeGreaterThanOrEqual(400)
        expect(got.status).toBeLessThan(500)
        expect(got.went).toEqual({ to: 'nowhere' })
        return
      }
      expect(got.status).toBe(200)
      if (got.went.to !== 'bucket') throw new Error('it did not go to the bucket')
      const { place } = await stage.store.locate({ key })
      const url = new URL(got.went.asked.url, 'http://bucket')
      expect(decodeURIComponent(url.pathname)).toBe(`/media/${proxy.prefix}/objects/${place?.objectKey}`)
      expect([...url.searchParams.keys()]).toEqual([
        'response-cache-control',
        'response-content-disposition',
        'response-content-type',
      ])
    })

    it.each(['http://media.example/media/k/image', 'http://evil.example/media/k/secret', '*'])(
      'may not name a host of its own in another way than in its host: %s',
      async (target) => {
        const { stage, through } = scene()
        const got = await through(target)
        // Proxies take the host off; what is left is asked for, and nothing else.
        if (got.status === 200) {
          if (got.went.to !== 'content') throw new Error('it went elsewhere')
          expect(got.went.asked.url).toContain(`/media/${stage.media.image.id}/content?`)
          expect(target).toContain('/media/k/image')
        } else expect(got.went).toEqual({ to: 'nowhere' })
      },
    )
  })

  describe('headers that only proxies may set', () => {
    const forged = {
      'x-media-state': 'ready',
      'x-media-id': 'forged',
      'x-media-digest': 'forged',
      'x-media-tier': 'forged',
      'x-media-origin': 'content',
      'x-media-path': '/media/forged',
      'x-media-copy-authorization': 'AWS4-HMAC-SHA256 forged',
      'x-media-copy-range': 'bytes=0-0',
      x_media_path: '/media/forged',
      'x-auth-request-user': 'forged',
      'x-auth-request-groups': 'forged',
      'x-forwarded-user': 'forged',
      'x-forwarded-groups': 'forged',
      'x-original-url': '/media/k/forged',
      'x-original-uri': '/media/k/forged',
      'x-original-method': 'FORGED',
      'x-forwarded-uri': '/media/k/forged',
      'x-forwarded-method': 'FORGED',
      'x-amz-meta-a': 'forged',
      'x-amz-security-token': 'forged',
      'x-amz-date': 'forged',
      'x-minio-extract': 'forged',
      'x-amz-server-side-encryption-customer-key': 'forged',
      authorization: 'Bearer forged',
      cookie: 'forged=1',
    }

    it.each([
      ['bucket', TEXT],
      ['content', IMAGE],
    ])('never reach the %s from a client, nor change what is asked for', async (to, path) => {
      const got = await scene().through(path, { headers: forged })
      expect(got.status).toBe(200)
      if (got.went.to === 'nowhere' || got.went.to !== to) throw new Error(`it went to ${got.went.to}`)
      const { headers, method, url } = got.went.asked
      // The gate and the application look at credentials of their own; here the address is signed, and they are gone.
      const kept = Object.entries({ ...headers, url, method }).filter(
        ([name, value]) =>
          /forged/i.test(`${name} ${String(value)}`) &&
          (to === 'bucket' || !/^x-(amz|minio|media-copy)-/.test(name)),
      )
      expect(kept).toEqual([])
      expect(headers['x-original-url']).toBeUndefined()
      expect(got.body.equals((await scene().through(path)).body)).toBe(true)
    })

    it('do not make two answers of two users under one name', async () => {
      const { through } = scene()
      for (const user of [['ann', 'bob'], 'ann,bob'])
        expect(
          (await through(SECRET, { from: SIGN_IN_PROXY, headers: { 'x-forwarded-user': user } })).status,
        ).toBe(401)
    })
  })

  describe('who is behind OAuth2 Proxy', () => {
    it('is believed from its address, and from no other', async () => {
      const { through } = scene()
      const headers = { 'x-forwarded-user': 'ann' }
      const got = await through(SECRET, { from: SIGN_IN_PROXY, headers })
      expect([got.status, got.body.toString()]).toEqual([200, 'of ann'])
      expect(got.headers['cache-control']).toContain('private')
      expect(got.headers.vary).toMatch(/cookie/i)
      expect((await through(SECRET, { headers })).status).toBe(401)
      const forwarded = { ...headers, 'x-forwarded-for': SIGN_IN_PROXY, 'x-real-ip': SIGN_IN_PROXY }
      expect((await through(SECRET, { headers: forwarded })).status).toBe(401)
      expect((await through(SECRET, { from: '127.0.0.8', headers: forwarded })).status).toBe(401)
    })

    it('sees what is not theirs as if it did not exist', async () => {
      const { through } = scene()
      const bob = { from: SIGN_IN_PROXY, headers: { 'x-forwarded-user': 'bob' } }
      const [theirs, nothing] = [await through(SECRET, bob), await through('/media/k/nothing', bob)]
      expect(theirs.status).toBe(404)
      expect(theirs.body).toEqual(nothing.body)
      expect({ ...theirs.headers, date: '' }).toEqual({ ...nothing.headers, date: '' })
    })

    it('is sent to sign in where it is a browser, and back to where it was', async () => {
      const { through } = scene()
      const page = { accept: 'text/html,*/*' }
      const got = await through(`${SECRET}?download=1`, { headers: page })
      expect(got.status).toBe(302)
      expect(got.headers['cache-control']).toBe('private, no-store')
      const location = new URL(got.headers.location ?? '')
      expect(location.origin + location.pathname).toBe('https://auth.example/oauth2/start')
      expect(location.searchParams.get('rd')).toMatch(
        /^https?:\/\/media\.example\/media\/k\/secret\?download=1$/,
      )
      expect((await through(SECRET, { headers: { accept: 'application/json' } })).status).toBe(401)
      expect((await through(SECRET, { method: 'HEAD', headers: page })).status).toBe(401)
    })

    it.each([
      '//evil.example/media/k/secret',
      '/\\evil.example/media',
      '/media/k/\\\\evil.example',
      '/%09//evil.example/media',
      '/media/%09//evil.example',
      '/media/k/%5c%5cevil.example',
      'http://evil.example/media/k/secret',
      'http://media.example@evil.example/media/k/secret',
    ])('never comes back to elsewhere: %s', async (path) => {
      const { headers } = await scene().through(path, { headers: { accept: 'text/html' } })
      const back = headers.location === undefined ? '' : new URL(headers.location).searchParams.get('rd')
      expect(back).not.toMatch(/evil/)
    })

    it.each(['evil.example', 'media.example@evil.example', 'media.example.evil.example'])(
      'never comes back to the host %s',
      async (host) => {
        const { headers } = await scene().through(SECRET, { headers: { accept: 'text/html', host } })
        const back = headers.location === undefined ? '' : new URL(headers.location).searchParams.get('rd')
        expect(back).toBeOneOf(['', SECRET])
      },
    )
  })
}
