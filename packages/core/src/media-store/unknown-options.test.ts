import { describe, expect, it } from 'vitest'
import type { MediaStore } from '../contracts/media-store.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { createMediaStore } from './create.ts'
import type { MediaStoreOptions } from './options.ts'
import { fixture, small } from './store.fixture.ts'

const at = { key: 'k' }
/** A call as plain JavaScript may make it: options of any shape. */
const loose = (value: object) => value as never

describe('options that a call does not take', () => {
  const calls: Readonly<Record<string, (store: MediaStore) => Promise<unknown>>> = {
    put: (store) => store.put(small, loose({ key: 'k' })),
    'finish of put': (store) => store.put(small, { finish: () => loose({ owner: 'somebody' }) }),
    open: (store) => store.open(at, loose({ start: 1 })),
    'a change of update': (store) => store.update(at, loose({ tag: ['x'] })),
    update: (store) => store.update(at, { tags: ['x'] }, loose({ revision: 1 })),
    delete: (store) => store.delete(at, loose({ ifRevision: 9 })),
    list: (store) => store.list(loose({ onwer: 'somebody' })),
    listAll: async (store) => {
      for await (const _ of store.listAll(loose({ limit: 1 })));
    },
    url: (store) => store.url(at, loose({ expiresAt: new Date(Date.now() + 1_000), dowload: true })),
    'uploads.create': (store) => store.uploads.create(loose({ door: 'chunked', sizeBytes: 1, size: 1 })),
  }
  for (const [call, make] of Object.entries(calls))
    it(`are refused by ${call}, which then does nothing`, async () => {
      const { store } = await fixture()
      const before = await store.put(small, { at })
      await expect(make(store)).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'unknown-option',
        message: expect.stringContaining(`${call} has no option "`),
      })
      expect((await store.list()).items).toEqual([before])
      expect(await store.uploads.list()).toEqual([])
    })
})

describe('a composition', () => {
  const composed = (options: object): Promise<MediaStore> =>
    createMediaStore({
      tiers: [{ name: 'memory', store: memoryStore() }],
      catalog: memoryCatalog(),
      ...options,
    } as MediaStoreOptions)
  const tiers = (more: object) => ({ tiers: [{ name: 'memory', store: memoryStore(), ...more }] })
  const faults: readonly (readonly [string, object])[] = [
    ['polices is unknown; known are tiers, catalog, keys, policies, ', { polices: [] }],
    ['policies must be a list', { policies: { match: '*' } }],
    ['policies[0] must be an object', { policies: ['*'] }],
    ['policies[0].alowUnrecognised is unknown', { policies: [{ match: '*', alowUnrecognised: true }] }],
    ['policies[0].archives.maxFiles is unknown', { policies: [{ match: '*', archives: { maxFiles: 1 } }] }],
    [
      'policies[0].archives must be one of "refuse", "unchecked"',
      { policies: [{ match: '*', archives: 'no' }] },
    ],
    ['policies[0].facts must be one of "size"', { policies: [{ match: '*', facts: 'all' }] }],
    ['dedupe must be one of "store", "namespace"', { dedupe: 'off' }],
    ['scanning.mode must be one of', { scanning: { mode: 'later' } }],
    ['tiers[0].role must be one of "home", "cache", "external"', tiers({ role: 'hot' })],
    ['tiers[0].capacity is unknown', tiers({ capacity: 1 })],
    ['tiers[0].prices.perGigabyte is unknown', tiers({ prices: { perGigabyte: 1 } })],
    ['tiers[0].imports.visibility must be one of', tiers({ imports: { visibility: 'all' } })],
    ['tiering.burst.whenfull is unknown', { tiering: { burst: { whenfull: false } } }],
    [
      'tiering.rules[0].match.type is unknown',
      { tiering: { rules: [{ name: 'r', match: { type: 'a/b' }, tiers: [] }] } },
    ],
    ['tiering.budget.daily is unknown', { tiering: { budget: { daily: 1 } } }],
    ['limits.maxBytes is unknown', { limits: { maxBytes: 1 } }],
    ['reads must be an object', { reads: 5 }],
    ['upkeep.interval is unknown', { upkeep: { interval: 1 } }],
    ['tiers are required', { tiers: undefined }],
    ['a catalog is required', { catalog: undefined }],
  ]
  for (const [fault, options] of faults)
    it(`is refused when ${fault}`, async () => {
      await expect(composed(options)).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-composition',
        message: expect.stringContaining(fault),
      })
    })

  it('is told every fault at once', async () => {
    await expect(composed({ polices: [], dedupe: 'off' })).rejects.toThrow(
      /polices is unknown.*; dedupe must/,
    )
  })

  it('may have members that are undefined', async () => {
    await (await composed({ scanner: undefined, tiering: { burst: undefined }, policies: undefined })).close()
  })
})
