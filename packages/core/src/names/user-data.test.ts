import { describe, expect, it } from 'vitest'
import { parseLinkQuery, parseLinks, parseLinksField, parseLinkTarget } from './links.ts'
import { parseMetadata, parseMetadataField } from './metadata.ts'
import { parseTags, parseTagsField } from './tags.ts'

const bad = (reason: string): unknown => expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason })
const nested = (levels: number): unknown => (levels === 1 ? {} : { a: nested(levels - 1) })

describe('parseMetadata()', () => {
  it('copies what JSON can say', () => {
    const value = {
      a: [1, -0.5, 'x', true, null, {}],
      'b c': { d: [] },
      constructor: 'data',
      '': 'empty name',
    }
    const copy = parseMetadata(value)
    expect(copy).toEqual(value)
    expect(copy).not.toBe(value)
    expect(copy['a']).not.toBe(value.a)
  })

  it('refuses __proto__ wherever it stands and leaves every prototype as it was', () => {
    for (const text of [
      '{"__proto__":{"polluted":1}}',
      '{"a":[{"__proto__":{"polluted":1}}]}',
      '{"constructor":{"prototype":{"__proto__":{"polluted":1}}}}',
    ]) {
      expect(() => parseMetadataField(text)).toThrow(bad('bad-metadata'))
    }
    expect(parseMetadataField('{"constructor":{"prototype":{"polluted":1}}}')).toEqual({
      constructor: { prototype: { polluted: 1 } },
    })
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
    expect(Reflect.get(Object, 'polluted')).toBeUndefined()
  })

  it('takes 16 KiB of JSON and not a byte more, counted in UTF-8', () => {
    const room = 16 * 1024 - '{"a":""}'.length
    expect(parseMetadata({ a: 'x'.repeat(room) })).toBeDefined()
    expect(() => parseMetadata({ a: 'x'.repeat(room + 1) })).toThrow(bad('bad-metadata'))
    expect(() => parseMetadata({ a: 'é'.repeat(room / 2 + 1) })).toThrow(bad('bad-metadata'))
    expect(() => parseMetadata({ a: '\n'.repeat(room / 2 + 1) })).toThrow(bad('bad-metadata'))
  })

  it('takes 16 levels and not 17', () => {
    expect(parseMetadata(nested(16))).toEqual(nested(16))
    expect(() => parseMetadata(nested(17))).toThrow(bad('bad-metadata'))
    expect(() => parseMetadataField(`{"a":${'['.repeat(15_000)}${']'.repeat(15_000)}}`)).toThrow(
      bad('bad-metadata'),
    )
  })

  it('ends soon on objects that hold themselves or share members many times', () => {
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    let shared: unknown = 1
    for (let n = 0; n < 12; n++) shared = Array.from({ length: 100 }, () => shared)
    const startedAt = performance.now()
    expect(() => parseMetadata(loop)).toThrow(bad('bad-metadata'))
    expect(() => parseMetadata({ shared })).toThrow(bad('bad-metadata'))
    expect(() => parseMetadata({ a: Object.assign([], { length: 1e9 }) })).toThrow(bad('bad-metadata'))
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })

  it.each([
    ['null', null],
    ['a list', []],
    ['a text', 'x'],
    ['undefined', undefined],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['undefined inside', { a: undefined }],
    ['a hole', { a: Object.assign([], { length: 1 }) }],
    ['a function', { a: () => 1 }],
    ['NaN', { a: Number.NaN }],
    ['Infinity', { a: Infinity }],
    ['a bigint', { a: 1n }],
    ['a date inside', { a: new Date(0) }],
    ['bytes', { a: Buffer.from('x') }],
    ['NUL', { a: 'x\0' }],
    ['NUL in a name', { 'a\0': 1 }],
    ['half a pair', { a: '\ud800' }],
  ])('refuses %s', (_, value) => {
    expect(() => parseMetadata(value)).toThrow(bad('bad-metadata'))
  })

  it('refuses text that is no JSON object', () => {
    for (const text of ['', '{', '[]', 'null', '"x"', '{"a":1}x', ' '.repeat(40_000)]) {
      expect(() => parseMetadataField(text)).toThrow(bad('bad-metadata'))
    }
  })
})

describe('parseTags()', () => {
  it('gives each tag once, trimmed, in NFC, in the order given', () => {
    expect(parseTags([' b ', 'a', 'b', 'cafe\u0301', 'café', 'B'])).toEqual(['b', 'a', 'café', 'B'])
  })

  it('reads a form field as JSON or between commas', () => {
    expect(parseTagsField('a, b ,,c')).toEqual(['a', 'b', 'c'])
    expect(parseTagsField('["a, b"]')).toEqual(['a, b'])
    expect(parseTagsField('')).toEqual([])
  })

  it('takes 64 tags of 128 bytes and no more', () => {
    const tags = Array.from({ length: 64 }, (_, n) => String(n).padStart(128, 'x'))
    expect(parseTags(tags)).toEqual(tags)
    expect(() => parseTags([...tags, 'y'])).toThrow(bad('bad-tags'))
    expect(() => parseTags(['x'.repeat(129)])).toThrow(bad('bad-tags'))
    expect(() => parseTags(['é'.repeat(65)])).toThrow(bad('bad-tags'))
  })

  it.each([
    null,
    'a',
    {},
    [1],
    [null],
    [''],
    [' '],
    ['a\nb'],
    ['\0'],
    ['\ud800'],
    [['a']],
    { length: 1, 0: 'a' },
  ])('refuses %j', (value) => {
    expect(() => parseTags(value)).toThrow(bad('bad-tags'))
  })

  it('refuses fields that are no tags', () => {
    for (const text of ['[', '["a"', '[1]', 'x'.repeat(100_000)])
      expect(() => parseTagsField(text)).toThrow(bad('bad-tags'))
  })
})

describe('links', () => {
  it('parseLinkTarget() takes a kind and any target, in NFC', () => {
    expect(parseLinkTarget({ kind: 'recipe', target: '42/step/3', other: 1 })).toEqual({
      kind: 'recipe',
      target: '42/step/3',
    })
    expect(parseLinkTarget({ kind: 'Kind_1.a-b', target: 'cafe\u0301 : é' })).toEqual({
      kind: 'Kind_1.a-b',
      target: 'café : é',
    })
    expect(parseLinkTarget({ kind: 'k', target: 'x'.repeat(512) }).target).toHaveLength(512)
  })

  it.each([
    null,
    'recipe:1',
    {},
    { kind: 'a' },
    { target: 'a' },
    { kind: '', target: 'a' },
    { kind: '1a', target: 'a' },
    { kind: 'a:b', target: 'a' },
    { kind: 'a b', target: 'a' },
    { kind: 'x'.repeat(65), target: 'a' },
    { kind: 'a', target: '' },
    { kind: 'a', target: 1 },
    { kind: 'a', target: 'x'.repeat(513) },
    { kind: 'a', target: 'é'.repeat(257) },
    { kind: 'a', target: 'a\0' },
    { kind: 'a', target: 'a\n' },
    { kind: 'a', target: '..' },
    { kind: 'a', target: 'a/../b' },
    { kind: 'a', target: '\ud800' },
    { kind: '__proto__', target: 'a' },
  ])('parseLinkTarget() refuses %j', (value) => {
    expect(() => parseLinkTarget(value)).toThrow(bad('bad-link'))
  })

  it('parseLinks() gives each link once and refuses too many', () => {
    const link = { kind: 'a', target: '1' }
    expect(parseLinks([link, { ...link }, { kind: 'b', target: '1' }])).toEqual([
      link,
      { kind: 'b', target: '1' },
    ])
    expect(() =>
      parseLinks(Array.from({ length: 65 }, (_, n) => ({ kind: 'a', target: String(n) }))),
    ).toThrow(bad('bad-link'))
    expect(() => parseLinks(link)).toThrow(bad('bad-link'))
    expect(parseLinksField('[{"kind":"a","target":"1"}]')).toEqual([link])
    expect(() => parseLinksField('[')).toThrow(bad('bad-link'))
  })

  it('parseLinkQuery() splits at the first colon', () => {
    expect(parseLinkQuery('recipe:42:3')).toEqual({ kind: 'recipe', target: '42:3' })
    expect(() => parseLinkQuery('recipe')).toThrow(bad('bad-link'))
    expect(() => parseLinkQuery('recipe:')).toThrow(bad('bad-link'))
  })
})
