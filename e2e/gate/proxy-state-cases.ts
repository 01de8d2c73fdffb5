import { describe, expect, it } from 'vitest'
import {
  expectNothingOfTheBucket,
  IMAGE,
  type ProxyUnderTest,
  ranged,
  type Scene,
  SECRET,
  signedIn,
  TEXT,
} from './proxy-scene.ts'
import type { Ask } from './proxy-stage.ts'

/** What is not ready, and parts that are away. */
export function stateCases(proxy: ProxyUnderTest, scene: () => Scene): void {
  describe('a state', () => {
    it.each<[string, string, number, string, Ask]>([
      ['loading', '/media/k/state/loading', proxy.loadingStatus, 'loading', {}],
      ['loading, to a range', '/media/k/state/loading', proxy.loadingStatus, 'loading', ranged()],
      ['failed', '/media/k/state/failed', 503, 'failed', {}],
      ['held back', '/media/k/state/held', 403, 'denied', {}],
      ['missing', '/media/k/nothing', 404, 'missing', signedIn()],
      ['missing, to a range', '/media/k/nothing', 404, 'missing', { ...signedIn(), ...ranged(signedIn()) }],
      ['nobody in particular', '/media/k/nothing', 401, 'denied', {}],
      ['another method', TEXT, 405, 'denied', { method: 'POST' }],
      ['deletion', TEXT, 405, 'denied', { method: 'DELETE' }],
      ['an address in two ways', '/media/k/text%2fa', 400, 'denied', {}],
      ['a signature that does not hold', `/media/${'{text}'}/content?kid=x&exp=1&sig=x`, 403, 'denied', {}],
    ])('reaches the client: %s', async (_, path, status, state, options) => {
      const { stage, through } = scene()
      const got = await through(path.replace('{text}', stage.media.text.id), options)
      expect(got.status).toBe(status)
      expect(got.headers['x-media-state']).toBe(state)
      expect(got.headers['content-type']).toBe('application/problem+json')
      expect(JSON.parse(got.body.toString())).toMatchObject({ status: state === 'loading' ? 503 : status })
      expect(got.headers['cache-control']).toBeDefined()
      if (state === 'loading' || state === 'failed')
        expect(Number(got.headers['retry-after'])).toBeGreaterThan(0)
      if (status === 405) expect(got.headers.allow).toBe('GET, HEAD')
      if (proxy.passesBodies) expect(JSON.parse(got.body.toString())).toHaveProperty('code')
      expect(got.went).toEqual({ to: 'nowhere' })
    })

    it.each(['/media/k/state/loading', '/media/k/state/failed', '/media/k/nothing'])(
      'has no body for HEAD: %s',
      async (path) => {
        const { through } = scene()
        const [get, head] = [await through(path), await through(path, { method: 'HEAD' })]
        expect([head.status, head.body.length]).toEqual([get.status, 0])
        expect(head.headers['x-media-state']).toBe(get.headers['x-media-state'])
      },
    )
  })

  describe('where a part is away', () => {
    const notNow = async (path: string, options?: Ask): Promise<void> => {
      const got = await scene().through(path, options)
      expect(got.status).toBe(503)
      expect(got.headers['retry-after']).toBe('1')
      expect(got.headers['cache-control']).toBe('no-store')
      expect(got.headers['x-media-state']).toBe('failed')
      expect(got.headers['content-type']).toBe('application/problem+json')
      expect(got.headers.etag).toBeUndefined()
      if (options?.method === 'HEAD') expect(got.body.length).toBe(0)
      else expect(JSON.parse(got.body.toString())).toMatchObject({ status: 503 })
      expectNothingOfTheBucket(got)
    }

    it('answers 503 while the bucket is stopped', async () => {
      const { stage, through } = scene()
      await stage.bucket.stop()
      try {
        for (const options of [{}, { method: 'HEAD' }, ranged()]) await notNow(TEXT, options)
      } finally {
        await stage.bucket.start()
      }
      await expect.poll(async () => (await through(TEXT)).status, { timeout: 20_000 }).toBe(200)
    })

    it('answers 503 where the object is gone behind our back, and never with pages of the bucket', async () => {
      const { stage, through } = scene()
      const gone = await stage.store.put(Buffer.from('soon gone'), {
        filename: 'g.txt',
        visibility: 'public',
        owner: 'ann',
        at: { key: 'gone' },
      })
      const { place } = await stage.store.locate(gone.id)
      expect((await through('/media/k/gone')).status).toBe(200)
      await stage.removeObject(place?.objectKey ?? '')
      for (const options of [{}, { method: 'HEAD' }, ranged()]) await notNow('/media/k/gone', options)
    })

    it('answers 503 while the application is stopped', async () => {
      const { stage, through } = scene()
      await stage.content.stop()
      try {
        await notNow(IMAGE)
      } finally {
        await stage.content.start()
      }
      await expect.poll(async () => (await through(IMAGE)).status, { timeout: 20_000 }).toBe(200)
    })

    it('answers 503 while the gate is stopped, and lets nothing through', async () => {
      const { stage, through } = scene()
      await stage.gateDoor.stop()
      try {
        for (const path of [TEXT, IMAGE, SECRET, '/media/k/nothing']) {
          await notNow(path)
          expect(stage.bucket.asked.length + stage.content.asked.length).toBe(0)
        }
      } finally {
        await stage.gateDoor.start()
      }
      await expect.poll(async () => (await through(TEXT)).status, { timeout: 20_000 }).toBe(200)
    })
  })
}
