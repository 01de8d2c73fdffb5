import { MediaError, type MediaStore, memoryStore, type ObjectStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { type Answer, memoryMedia, PNG, serve, type Wire } from './wire.fixture.ts'

/** A store whose reads wait for a word, fail, or cost money. */
interface FarStore {
  readonly store: ObjectStore
  before: () => Promise<void>
}

function farStore(paid = false): FarStore {
  const inner = memoryStore({ name: 'far' })
  const far: FarStore = {
    before: async () => {},
    store: new Proxy<ObjectStore>(inner, {
      get(target, member) {
        if (member === 'traits') return { ...target.traits, paid, shared: true }
        if (member === 'openFile' || member === 'readNow') return undefined // far away there are no files
        if (member !== 'get') return Reflect.get(target, member) as unknown
        return async (...args: Parameters<ObjectStore['get']>) => {
          await far.before()
          return target.get(...args)
        }
      },
    }),
  }
  return far
}

let far: FarStore
let store: MediaStore
let wire: Wire
let id: string

async function begin(options: { readonly paid?: boolean; readonly budget?: boolean } = {}): Promise<void> {
  far = farStore(options.paid === true)
  store = await memoryMedia({
    tiers: [
      { name: 'disk', store: memoryStore({ name: 'disk' }) },
      { name: 'far', store: far.store, serves: false, prices: { perRequest: { get: 1 } } },
    ],
    tiering: {
      rules: [{ name: 'all', match: {}, tiers: ['far'] }],
      ...(options.budget === true ? { budget: { dailyDollars: 0 } } : {}),
    },
    reads: { cacheBytes: 0 },
  })
  wire = await serve(mediaRouter(store, { access: openAccess() }))
  id = (await store.put(PNG)).id
}

beforeEach(() => begin())
afterEach(async () => {
  far.before = async () => {}
  await wire.close()
  await store.close()
})

const warm = (): Promise<Answer> => wire.ask(`/${id}/warm`, { method: 'POST' })
const availability = (): Promise<Answer> => wire.ask(`/${id}/availability`)

describe('a media in no tier that serves', () => {
  it('is cold in its record and its availability, which start no load', async () => {
    const answer = await availability()
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'private, no-store'])
    expect(answer.json).toEqual({ state: 'cold', tier: 'far', estimateMs: expect.any(Number) as number })
    expect((await wire.ask(`/${id}`)).json).toMatchObject({ availability: 'cold', tier: 'far' })
    expect((await availability()).json).toMatchObject({ state: 'cold' })
  })

  it('is loading after POST warm, with 202 and a time to come back, and ready with 200 afterwards', async () => {
    let release = (): void => {}
    const asked = new Promise<void>((resolve) => {
      far.before = () => {
        resolve()
        return new Promise((go) => {
          release = go
        })
      }
    })
    const begun = await warm()
    expect(begun.status).toBe(202)
    expect(begun.json).toMatchObject({ state: 'loading', retryAfterMs: expect.any(Number) as number })
    expect(Number(begun.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    await asked
    expect((await availability()).json).toMatchObject({ state: 'loading' })
    expect((await warm()).status).toBe(202)
    release()
    await expect.poll(async () => (await availability()).json['state']).toBe('ready')
    const ended = await warm()
    expect([ended.status, ended.headers['retry-after']]).toEqual([200, undefined])
    expect(ended.json).toMatchObject({ state: 'ready', tier: 'disk' })
    expect((await wire.ask(`/${id}`)).json).toMatchObject({ availability: 'ready', tier: 'disk' })
  })

  it('is failed with its reason and a time to come back when the load fails, and without words of the backend', async () => {
    far.before = () =>
      Promise.reject(
        new MediaError('MEDIA_UNAVAILABLE', 'far: secret-host refused', { reason: 'unreachable' }),
      )
    await warm()
    await expect.poll(async () => (await availability()).json['state']).toBe('failed')
    const failed = await warm()
    expect([failed.status, failed.json['state']]).toEqual([202, 'failed'])
    expect(Number(failed.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(failed.body.toString()).not.toContain('secret-host')
  })

  it('is streamed through to whoever reads it', async () => {
    const content = await wire.ask(`/${id}/content`)
    expect([content.status, content.body.equals(PNG)]).toEqual([200, true])
  })

  it('answers 404 to nobody’s wishes for what is not there, and 405 to GET of warm', async () => {
    const none = await wire.ask('/018f0000-0000-7000-8000-000000000000/warm', { method: 'POST' })
    expect([none.status, none.json]).toEqual([200, { state: 'missing' }])
    expect((await wire.ask(`/${id}/warm`)).status).toBe(405)
  })
})

describe('a media that may not be paid for today', () => {
  it('is 503 with Retry-After and the reason as problem+json, for every way of reading', async () => {
    await wire.close()
    await store.close()
    await begin({ paid: true, budget: true })
    for (const [path, range] of [
      [`/${id}/content`, 'bytes=0-'],
      [`/${id}/content`, 'bytes=0-3'],
      [`/${id}/download`, 'bytes=-4'],
    ] as const) {
      const answer = await wire.ask(path, { headers: { range } })
      expect([path, answer.status]).toEqual([path, 503])
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
      expect(answer.json).toMatchObject({ status: 503, code: 'MEDIA_NOT_READY', reason: 'budget-spent' })
    }
    expect((await wire.ask(`/${id}`)).status).toBe(200)
  })
})
