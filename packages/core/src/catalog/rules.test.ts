import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MediaRecord } from '../contracts/catalog.ts'
import type { MediaQuery } from '../contracts/media.ts'
import { isMediaError } from '../errors/media-error.ts'
import { applyChange } from './change.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { idBounds } from './id-bounds.ts'
import { matchesQuery } from './matches.ts'
import { linkTerm, ownerTagTerm, queryTerms, termsOf } from './terms.ts'
import { wordsOf } from './words.ts'

const ID = '01890000-0000-7000-8000-000000000000'

const record = (
  over: Partial<MediaRecord> = {},
  content: Partial<MediaRecord['content']> = {},
): MediaRecord => ({
  id: ID,
  namespace: 'n',
  owner: 'ann',
  visibility: 'private',
  revision: 1,
  tags: [],
  metadata: {},
  links: [],
  createdAt: new Date(1_000),
  updatedAt: new Date(1_000),
  ...over,
  content: {
    number: 1,
    state: 'active',
    blobId: 'b',
    sizeBytes: 1,
    contentType: 'image/png',
    filename: 'file.png',
    facts: {},
    createdAt: new Date(1_000),
    placements: [],
    ...content,
  },
})

describe('wordsOf()', () => {
  test.each([
    ['Crème_Brûlée-2024.JPG', ['crème', 'brûlée', '2024', 'jpg']],
    ['a a A', ['a']],
    ['猫の写真 cat', ['猫', 'の', '写', '真', 'cat']],
    ['', []],
    ['!?…', []],
  ])('splits %j into %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words)
  })

  test('gives bounded, well-formed, stable words for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        const words = wordsOf(text, 20)
        expect(words.length).toBeLessThanOrEqual(20)
        for (const word of words) {
          expect(word.length).toBeLessThanOrEqual(40)
          expect(/\p{Surrogate}/u.test(word)).toBe(false)
        }
      }),
    )
  })
})

describe('terms', () => {
  test('of kind and target are apart however the text is split', () => {
    const text = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(text, text, text, text, (kind, target, kind2, target2) => {
        const isSame = kind === kind2 && target === target2
        expect(linkTerm({ kind, target }) === linkTerm({ kind: kind2, target: target2 })).toBe(isSame)
      }),
    )
  })

  test('of owner and tag are one, apart however the text is split', () => {
    expect(queryTerms({ owner: 'ann', tag: 't' })).toHaveLength(1)
    const text = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(text, text, text, text, (owner, tag, owner2, tag2) => {
        const isSame = owner === owner2 && tag === tag2
        expect(ownerTagTerm(owner, tag) === ownerTagTerm(owner2, tag2)).toBe(isSame)
      }),
    )
  })

  test('are bounded and free of what databases refuse', () => {
    const odd = '\0\ud800'
    for (const term of termsOf(
      record({ owner: 'x'.repeat(10_000), tags: [odd], links: [{ kind: odd, target: odd }] }),
    )) {
      expect(term.length).toBeLessThanOrEqual(200)
      expect(/\0|\p{Surrogate}/u.test(term)).toBe(false)
    }
  })

  test('of a query are all among those of every record that matches it', () => {
    const word = fc.constantFrom('red', 'Fish', 'bowl', 'é', '猫')
    const tag = fc.constantFrom('red', 'a tag', '')
    const link = fc.record({ kind: fc.constantFrom('k', 'l'), target: fc.constantFrom('1', '2') })
    const query = fc.record(
      {
        owner: fc.constantFrom('ann', 'bob'),
        type: fc.constantFrom('image/png', 'image/*', 'IMAGE/PNG', 'odd'),
        state: fc.constantFrom('active' as const, 'pending' as const),
        tag,
        link,
        q: fc.array(word, { maxLength: 3 }).map((words) => words.join(' ')),
      },
      { requiredKeys: [] },
    )
    const any = fc
      .record({
        owner: fc.constantFrom('ann', 'bob'),
        tags: fc.array(tag, { maxLength: 3 }),
        links: fc.array(link, { maxLength: 2 }),
        filename: fc.array(word, { maxLength: 3 }).map((words) => words.join('_')),
        state: fc.constantFrom('active' as const, 'pending' as const),
        contentType: fc.constantFrom('image/png', 'Image/PNG', 'odd'),
      })
      .map(({ owner, tags, links, ...content }) => record({ owner, tags, links }, content))
    let matches = 0
    fc.assert(
      fc.property(any, query, (one, asked) => {
        if (!matchesQuery(one, asked as MediaQuery)) return
        matches += 1
        const terms = new Set(termsOf(one))
        for (const term of queryTerms(asked as MediaQuery)) expect(terms.has(term), term).toBe(true)
      }),
      { numRuns: 3_000 },
    )
    expect(matches).toBeGreaterThan(10)
  })
})

describe('cursors', () => {
  test('come back for the same namespace and filters, whatever the limit', () => {
    const cursor = encodeCursor('n', { tag: 't', limit: 3 }, ID)
    expect(decodeCursor('n', { tag: 't', limit: 50, cursor })).toBe(ID)
  })

  test('of anything else are refused and never crash', () => {
    const cursor = encodeCursor('n', { tag: 't' }, ID)
    for (const [namespace, query] of [
      ['m', { tag: 't' }],
      ['n', {}],
      ['n', { owner: 't' }],
    ] as const) {
      expect(() => decodeCursor(namespace, { ...query, cursor })).toThrow('another query')
    }
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()), (text) => {
        try {
          decodeCursor('n', { tag: 't', cursor: text })
        } catch (error) {
          expect(isMediaError(error, 'MEDIA_BAD_INPUT')).toBe(true)
          return
        }
        throw new Error('garbage was taken')
      }),
    )
  })
})

describe('idBounds()', () => {
  test('hold every id made around a time within them', () => {
    const at = new Date(Date.UTC(2026, 0, 1))
    const { before, from } = idBounds({ createdBefore: at, createdAfter: at })
    const hex = at.getTime().toString(16).padStart(12, '0')
    const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
    expect(from !== undefined && from < id).toBe(true)
    expect(before !== undefined && before > id).toBe(true)
  })

  test('are absent for times that no id has', () => {
    expect(idBounds({ createdAfter: new Date(0), createdBefore: new Date(Number.NaN) })).toEqual({})
  })
})

describe('applyChange()', () => {
  const fields = {
    key: 'k',
    filename: 'f',
    owner: 'o',
    visibility: 'private',
    tags: ['a'],
    metadata: {},
    links: [],
  } as const

  test('changes nothing when nothing is given', () => {
    expect(applyChange(fields, {})).toEqual(fields)
  })

  test('takes the key away for null only', () => {
    expect('key' in applyChange(fields, { key: null })).toBe(false)
    expect(applyChange(fields, { key: 'l' }).key).toBe('l')
  })

  test('drops repeats', () => {
    const link = { kind: 'k', target: 't' }
    const changed = applyChange(fields, { tags: ['b', 'b'], links: [link, { ...link }] })
    expect(changed.tags).toEqual(['b'])
    expect(changed.links).toEqual([link])
  })
})
