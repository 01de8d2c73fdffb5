import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeKey, keyOf, LONG, placeOf, unescapeKey } from './names.ts'

const hex = `ab${'0'.repeat(62)}`
const NASTY = [
  '.',
  '..',
  '../..',
  '/etc/passwd',
  'a/../b',
  'a//b',
  'a/',
  ' ',
  'a ',
  'a.',
  'con',
  'CON.txt',
  'nul',
  'a\\b',
  'a:b',
  'a*?"<>|b',
  'café',
  'cafe\u0301',
  'STRASSE',
  'straße',
  'ﬁ',
  'fi',
  'İ',
  'ı',
  '\u202e.png',
  '\u0001',
  '\n',
  '%2e%2e',
  '%',
  '~',
  '~a',
  'k.a',
  'h.b',
  'a~b',
  'mediakeep-volume.json',
  '😀',
  `${hex}.01`,
  `cd/${hex}.01`,
  `AB/${hex.toUpperCase()}.01`,
  'x'.repeat(1024),
  'é'.repeat(512),
]

describe('placeOf()', () => {
  test('2.11-08 gives every nasty key one plain name of its own, also where case is folded', () => {
    const seen = new Map<string, string>()
    for (const key of NASTY) {
      const { shard, fileName } = placeOf(key)
      expect(shard).toMatch(/^[0-9a-f]{2}$/)
      expect(fileName, key).toMatch(/^[kh]\.[a-z0-9_.%-]*[a-z0-9_%-]$/)
      expect(Buffer.byteLength(fileName)).toBeLessThanOrEqual(125)
      const folded = `${shard}/${fileName}`.toLowerCase().normalize('NFC')
      expect(seen.get(folded), `${key} and ${seen.get(folded)}`).toBeUndefined()
      seen.set(folded, key)
    }
  })

  test('keeps keys of placements readable in their own shard', () => {
    expect(placeOf(`ab/${hex}.01`)).toEqual({
      key: `ab/${hex}.01`,
      shard: 'ab',
      fileName: `${hex}.01`,
      once: true,
      long: false,
    })
  })

  test('2.11-01 never leaves its directory, whatever the key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (key) => {
        const { fileName } = placeOf(key)
        expect(fileName).not.toMatch(/[/\\\0~]/)
        expect(['.', '..']).not.toContain(fileName)
      }),
    )
  })
})

describe('keyOf()', () => {
  test('gives back the key that placeOf() took, and LONG where only the sidecar knows', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (key) => {
        const place = placeOf(key)
        expect(keyOf(place.shard, place.fileName)).toBe(place.long ? LONG : key)
      }),
    )
    expect(keyOf('ab', `${hex}.01`)).toBe(`ab/${hex}.01`)
  })

  test('knows no file that this store would not have written there', () => {
    const { shard, fileName } = placeOf('photo')
    const other = shard === '00' ? '01' : '00'
    for (const [where, name] of [
      [other, fileName],
      [shard, 'k.Photo'],
      [shard, 'photo'],
      [shard, '~1-2'],
      [shard, `${fileName}~abc`],
      [shard, 'k.%70hoto'],
      ['cd', `${hex}.01`],
    ] as const) {
      expect(keyOf(where, name), name).toBeUndefined()
    }
  })
})

test('unescapeKey() takes back exactly what escapeKey() made', () => {
  for (const key of NASTY) expect(unescapeKey(escapeKey(key))).toBe(key)
  for (const escaped of ['A', '%2E', '%zz', 'a.', '%61', '%ff'])
    expect(unescapeKey(escaped), escaped).toBeUndefined()
})
