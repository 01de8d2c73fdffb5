import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { listIds } from '../expect.ts'
import { ALPHA, BETA, put } from '../put.ts'

/** Search by words, the same on every catalog. */
export const searchCases: readonly CatalogCase[] = [
  {
    id: 'search.all-words',
    claim: 'every word must occur, in any order and any case',
    async check({ catalog }) {
      const both = await put(catalog, { filename: 'Red Fish.png' })
      await put(catalog, { filename: 'red.png' })
      await put(catalog, { filename: 'red fish.png', namespace: BETA })
      for (const q of ['red fish', 'FISH red', 'fish, RED!', 'Red-Fish.PNG']) {
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [both.record.id], q)
      }
      assert.deepEqual(await listIds(catalog, ALPHA, { q: 'red fish blue' }), [])
    },
  },
  {
    id: 'search.fields',
    claim:
      'words are found in file name, key, tags and listed metadata, also spread over them; in nothing else',
    async check({ catalog }) {
      const metadata = {
        title: 'mtitle',
        description: 'mdescription',
        caption: 'mcaption',
        alt: 'malt',
        name: 'mname',
        author: 'mauthor',
        secret: 'msecret',
        nested: { title: 'mnested' },
      }
      const { record } = await put(catalog, {
        at: { key: 'fkey/sub' },
        filename: 'ffile.png',
        tags: ['ftag'],
        links: [{ kind: 'fkind', target: 'ftarget' }],
        owner: 'fowner',
        metadata,
      })
      for (const q of [
        'ffile',
        'fkey',
        'sub',
        'ftag',
        'mtitle',
        'mdescription',
        'mcaption',
        'malt',
        'mname',
        'mauthor',
      ]) {
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [record.id], q)
      }
      assert.deepEqual(await listIds(catalog, ALPHA, { q: 'mtitle ffile ftag fkey' }), [record.id], 'spread')
      for (const q of ['msecret', 'mnested', 'fkind', 'ftarget', 'fowner', 'image']) {
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [], q)
      }
    },
  },
  {
    id: 'search.whole-words',
    claim: 'words match whole',
    async check({ catalog }) {
      const { record } = await put(catalog, { filename: 'sunflower_field-2024 (1).jpeg' })
      for (const q of ['sunflower', 'field', '2024', '1', 'jpeg', 'sunflower_field']) {
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [record.id], q)
      }
      for (const q of ['sun', 'flower', 'fields', '202', 'jpg', 'sunflowerfield']) {
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [], q)
      }
    },
  },
  {
    id: 'search.unicode',
    claim: 'words of any script are found in any of their forms',
    async check({ catalog }) {
      const names: readonly (readonly [string, string])[] = [
        ['Cr\u00e8me Br\u00fbl\u00e9e.png', 'CRE\u0300ME bru\u0302le\u0301e'],
        ['\ufb01nal.png', 'final'],
        [
          '\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440.png',
          '\u043f\u0440\u0438\u0432\u0435\u0442',
        ],
        ['\u732b\u306e\u5199\u771f.png', '\u732b \u5199\u771f'],
        ['\u0639\u0631\u0628\u064a \u0646\u0635.png', '\u0646\u0635'],
        ['\ud83d\ude00 smile.png', 'smile \ud83d\ude00'],
        ['\uff21\uff22\uff23.png', 'abc'],
      ]
      for (const [filename, q] of names) {
        const { record } = await put(catalog, { filename })
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), [record.id], `${q} in ${filename}`)
      }
    },
  },
  {
    id: 'search.no-words',
    claim: 'a text without words asks for nothing: all records match',
    async check({ catalog }) {
      const one = await put(catalog, { tags: ['t'] })
      const two = await put(catalog)
      for (const q of ['', '  ', '!?', '%', '_', '*', "'", '"']) {
        assert.deepEqual(
          await listIds(catalog, ALPHA, { q }),
          [two.record.id, one.record.id],
          JSON.stringify(q),
        )
        assert.deepEqual(
          await listIds(catalog, ALPHA, { q, tag: 't' }),
          [one.record.id],
          `${JSON.stringify(q)} and a tag`,
        )
      }
    },
  },
  {
    id: 'search.literal',
    claim: 'signs that search languages know mean nothing: they separate words',
    async check({ catalog }) {
      const { record } = await put(catalog, { filename: 'alpha near beta.png' })
      await put(catalog, { filename: 'gamma.png' })
      for (const q of [
        'alpha*',
        '"alpha near"',
        'alpha AND',
        '-beta',
        'filename:alpha',
        'alph%',
        "alpha' OR '1'='1",
      ]) {
        const wanted = ['alpha*', '"alpha near"', '-beta'].includes(q) ? [record.id] : []
        assert.deepEqual(await listIds(catalog, ALPHA, { q }), wanted, q)
      }
    },
  },
  {
    id: 'search.long',
    claim: 'long texts and long words are searched without failing',
    async check({ catalog }) {
      const word = 'w'.repeat(300)
      const title = Array.from({ length: 5_000 }, (_, n) => `word${n}`).join(' ')
      const { record } = await put(catalog, { filename: `${word}.png`, metadata: { title } })
      assert.deepEqual(await listIds(catalog, ALPHA, { q: word }), [record.id], 'a long word')
      assert.deepEqual(await listIds(catalog, ALPHA, { q: 'word0 word7' }), [record.id], 'an early word')
      await catalog.list(ALPHA, { q: title })
      await catalog.list(ALPHA, { q: '\ufdfa'.repeat(5_000) })
    },
  },
]
