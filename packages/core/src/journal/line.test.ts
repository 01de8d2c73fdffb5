import { describe, expect, it } from 'vitest'
import type { PortableMedia } from '../contracts/catalog.ts'
import { encodeGone, encodeMedia, headOfLine, parseGone, parseMedia } from './line.ts'

const full: PortableMedia = {
  id: '019aa5e2-8f00-7abc-8def-0123456789ab',
  namespace: 'default',
  key: 'photos/naïve 🍜.jpg',
  owner: 'ann',
  visibility: 'public',
  revision: 7,
  tags: ['a', 'b'],
  metadata: { title: 'line\nend', nested: { list: [1, null, true] } },
  links: [{ kind: 'recipe', target: '42/step/3' }],
  createdAt: new Date(1_700_000_000_123),
  updatedAt: new Date(1_700_000_000_456),
  content: {
    number: 2,
    state: 'active',
    contentType: 'image/jpeg',
    filename: 'naïve.jpg',
    facts: {
      width: 10,
      height: 20,
      orientation: 6,
      captureTime: '2024-06-01T12:30:45+02:00',
      camera: { make: 'Acme', iso: 64 },
      position: { latitude: -33.859833, longitude: 151.211111 },
    },
    createdAt: new Date(1_700_000_000_400),
  },
  blob: {
    domain: '',
    digest: `sha256:${'ab'.repeat(32)}`,
    sizeBytes: 70_000,
    chunkSums: Uint8Array.of(1, 2, 3, 4, 255, 254, 253, 252),
    verdict: {
      verdict: 'released',
      engine: 'e',
      database: '7',
      signature: 's',
      reason: 'r',
      lookedAt: new Date(5),
    },
  },
  placements: [{ id: 'p1', volumeId: 'v1', key: 'ab/cd.p1', owned: true, storedBytes: 70_000, etag: 'e' }],
}
const { key: _key, ...rest } = full
const bare: PortableMedia = {
  ...rest,
  tags: [],
  metadata: {},
  links: [],
  content: { ...full.content, facts: {} },
  blob: { domain: 'ns', sizeBytes: 0 },
  placements: [{ id: 'p1', volumeId: 'v1', key: 'k', owned: false, storedBytes: 0 }],
}
const gone = { id: full.id, namespace: 'default', revision: 8, at: new Date(1_700_000_000_789) }

describe('media lines', () => {
  it('come back as they were, with every member and with none that may be absent', () => {
    for (const media of [full, bare]) {
      const line = encodeMedia(media)
      expect(line).not.toMatch(/[\u0000-\u001f]/)
      expect(parseMedia(line)).toEqual(media)
      expect(headOfLine(line)).toEqual({ kind: 'media', id: media.id, revision: 7 })
    }
  })

  it('take chunk sums that are a view of a larger buffer', () => {
    const chunkSums = Uint8Array.of(9, 9, 1, 2, 3, 4, 9).subarray(2, 6)
    const parsed = parseMedia(encodeMedia({ ...full, blob: { ...full.blob, chunkSums } }))
    expect(parsed?.blob.chunkSums).toEqual(Uint8Array.of(1, 2, 3, 4))
  })

  it('with any member of another kind, or without one that must be there, are none', () => {
    const line = encodeMedia(full)
    const optional = new Set([
      '.key',
      '.blob.digest',
      '.blob.chunkSums',
      '.blob.verdict',
      '.blob.verdict.signature',
      '.blob.verdict.reason',
      '.blob.verdict.lookedAt',
      '.placements.0.etag',
    ])
    const free = /^\.metadata\.|^\.tags\.|^\.content\.facts\./
    for (const path of pathsOf(JSON.parse(line))) {
      if (free.test(path)) continue
      for (const wrong of [null, -1.5, ['x'], {}]) {
        const isStillRight =
          (path === '.metadata' || path === '.content.facts') &&
          !Array.isArray(wrong) &&
          typeof wrong === 'object' &&
          wrong !== null
        const isOtherList = path === '.tags' && Array.isArray(wrong)
        if (isStillRight || isOtherList) continue
        expect(parseMedia(changed(line, path, wrong)), `${path} = ${JSON.stringify(wrong)}`).toBeUndefined()
      }
      if (!optional.has(path) && !/\.\d+$/.test(path))
        expect(parseMedia(changed(line, path, undefined)), `without ${path}`).toBeUndefined()
    }
  })

  it('have no facts but those that records know, each of its kind', () => {
    const line = encodeMedia(full)
    const wrong = [
      '{ "speed": 1 }',
      '{ "constructor": 1 }',
      '{ "__proto__": {} }',
      '{ "width": "1" }',
      '{ "orientation": null }',
      '{ "captureTime": 5 }',
      '{ "camera": "Acme" }',
      '{ "camera": { "serial": "1" } }',
      '{ "camera": { "make": 1 } }',
      '{ "position": { "latitude": 1 } }',
      '{ "position": { "latitude": 1, "longitude": "2" } }',
    ]
    for (const facts of wrong)
      expect(parseMedia(changed(line, '.content.facts', JSON.parse(facts))), facts).toBeUndefined()
  })

  it('are told from other text without a throw', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '"media"',
      '{"kind":"media"}',
      encodeGone(gone),
      line(5_000),
    ]) {
      expect(parseMedia(text)).toBeUndefined()
    }
    expect(headOfLine('{"kind":"other","id":"x","revision":1,')).toBeUndefined()
    expect(headOfLine('')).toBeUndefined()
  })
})

describe('lines of deletions', () => {
  it('come back as they were', () => {
    for (const one of [gone, { ...gone, missed: ['v2'] }]) {
      expect(parseGone(encodeGone(one))).toEqual(one)
      expect(headOfLine(encodeGone(one))).toEqual({ kind: 'gone', id: gone.id, revision: 8 })
    }
  })

  it('with any member of another kind are none', () => {
    const text = encodeGone({ ...gone, missed: ['v2'] })
    for (const path of ['.id', '.revision', '.namespace', '.at', '.missed', '.missed.0'])
      expect(parseGone(changed(text, path, null)), path).toBeUndefined()
    expect(parseGone(encodeMedia(full))).toBeUndefined()
  })
})

const line = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  const inner = Object.entries(value).flatMap(([name, member]) => pathsOf(member, `${path}.${name}`))
  return path === '' ? inner : [path, ...inner]
}

/** The line with the member at `path` changed; without it when the value is undefined. */
function changed(text: string, path: string, value: unknown): string {
  const root: unknown = JSON.parse(text)
  const names = path.slice(1).split('.')
  const last = names.pop() ?? ''
  let at = root
  for (const name of names) at = Reflect.get(at as object, name)
  if (value === undefined) Reflect.deleteProperty(at as object, last)
  else Reflect.set(at as object, last, value)
  return JSON.stringify(root)
}
