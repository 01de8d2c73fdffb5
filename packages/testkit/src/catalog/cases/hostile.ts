import assert from 'node:assert/strict'
import type { JsonObject } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { listIds, plain, recordOf } from '../expect.ts'
import { ALPHA, put } from '../put.ts'

/** Texts that broke databases before. All are well-formed Unicode without NUL. */
const TEXTS: readonly string[] = [
  "Robert'); DROP TABLE media;--",
  '"; SELECT 1',
  "'",
  '"',
  '`',
  '\\',
  '\\0',
  '%',
  '_',
  '%_%',
  '*',
  '?',
  '$1',
  ':name',
  '@x',
  '{}',
  '[]',
  'null',
  'NaN',
  '0',
  '-0',
  '1e309',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'line\nbreak',
  'tab\there',
  '\r\n',
  ' leading',
  'trailing ',
  '\u00a0',
  '\u200b',
  '\u202eright to left',
  'caf\u00e9',
  'cafe\u0301',
  '\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67',
  '\u0001\u001f\u007f',
  '\ufffd',
  '\uffff',
  '\u{10ffff}',
  'x'.repeat(1_000),
]

/** Whatever hosts store, the catalog stores it and finds it. */
export const hostileCases: readonly CatalogCase[] = [
  {
    id: 'hostile.kept',
    claim: 'strings of any characters come back exactly, in every field',
    async check({ catalog }) {
      for (const text of TEXTS) {
        const input = {
          at: { key: text },
          owner: text,
          tags: [text],
          filename: text,
          contentType: 'application/x-odd',
          links: [{ kind: text, target: text }],
          // Computed members are own ones, `__proto__` too.
          metadata: { [text]: text, list: [text] },
        }
        const { record } = await put(catalog, input)
        const shown = await recordOf(catalog, ALPHA, record.id)
        const what = JSON.stringify(text.slice(0, 40))
        assert.equal(shown.key, text, `key ${what}`)
        assert.equal(shown.owner, text, `owner ${what}`)
        assert.deepEqual([...shown.tags], [text], `tag ${what}`)
        assert.equal(shown.content.filename, text, `file name ${what}`)
        assert.deepEqual(
          shown.links.map((link) => ({ ...link })),
          input.links,
          `link ${what}`,
        )
        assert.deepEqual(plain(shown.metadata), plain(input.metadata), `metadata ${what}`)
      }
      assert.equal((await listIds(catalog, ALPHA)).length, TEXTS.length)
    },
  },
  {
    id: 'hostile.found',
    claim: 'strings of any characters are found by key, owner, tag and link, and find nothing else',
    async check({ catalog }) {
      const ids = new Map<string, string>()
      for (const text of TEXTS) {
        const links = [{ kind: text, target: text }]
        const { record } = await put(catalog, { at: { key: text }, owner: text, tags: [text], links })
        ids.set(text, record.id)
      }
      for (const [text, id] of ids) {
        const what = JSON.stringify(text.slice(0, 40))
        assert.equal((await recordOf(catalog, ALPHA, { key: text })).id, id, `get() by key ${what}`)
        for (const query of [
          { key: text },
          { owner: text },
          { tag: text },
          { link: { kind: text, target: text } },
        ]) {
          assert.deepEqual(await listIds(catalog, ALPHA, query), [id], `${Object.keys(query).join()} ${what}`)
        }
        const linked = await catalog.linked(ALPHA, [{ kind: text, target: text }], 5)
        assert.deepEqual(
          linked.flat().map((record) => record.id),
          [id],
          `linked() ${what}`,
        )
      }
    },
  },
  {
    id: 'hostile.namespaces',
    claim: 'namespaces and owners that look alike are not mixed up',
    async check({ catalog }) {
      // The same text split at another place must not name the same thing.
      await put(catalog, { owner: 'a', session: { idempotencyKey: 'b c' } })
      await put(catalog, { owner: 'a b', session: { idempotencyKey: 'c' } })
      await put(catalog, { owner: 'a\u0001b', session: { idempotencyKey: 'c' } })
      assert.equal((await listIds(catalog, ALPHA)).length, 3)
      assert.equal((await listIds(catalog, ALPHA, { owner: 'a' })).length, 1)
    },
  },
  {
    id: 'hostile.large',
    claim: 'large tags, names and metadata are stored: the layer above sets the limits',
    async check({ catalog }) {
      const tag = `${'tag '.repeat(2_560)}end`
      const other = `${'tag '.repeat(2_560)}END`
      const metadata = { text: 'm'.repeat(16_000), deep: nested(50) }
      const tags = [tag, ...Array.from({ length: 100 }, (_, n) => `t${n}`)]
      const { record } = await put(catalog, { tags, metadata, filename: 'n'.repeat(5_000) })
      await put(catalog, { tags: [other] })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.deepEqual([...shown.tags], tags)
      assert.deepEqual(plain(shown.metadata), metadata)
      assert.equal(shown.content.filename.length, 5_000)
      assert.deepEqual(await listIds(catalog, ALPHA, { tag }), [record.id])
    },
  },
  {
    id: 'hostile.nul',
    claim: 'strings with a NUL come back exactly',
    async check({ catalog }) {
      const text = 'before\0after'
      const { record } = await put(catalog, { tags: [text], owner: text, metadata: { [text]: text } })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.equal(shown.owner, text)
      assert.deepEqual([...shown.tags], [text])
      assert.deepEqual({ ...shown.metadata }, { [text]: text })
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: text }), [record.id])
      assert.deepEqual(await listIds(catalog, ALPHA, { tag: 'before' }), [])
    },
  },
  {
    id: 'hostile.numbers',
    claim: 'numbers of metadata and sizes come back exactly',
    async check({ catalog }) {
      const numbers = [0, -1, 1.5, 1e21, 2 ** 53 - 1, -(2 ** 53 - 1), 5e-324, 1.7976931348623157e308]
      const facts = { width: 2 ** 31 + 1, height: 1, durationMs: 123_456_789_012 }
      const { record } = await put(catalog, { metadata: { numbers }, facts })
      const shown = await recordOf(catalog, ALPHA, record.id)
      assert.deepEqual(shown.metadata['numbers'], numbers)
      assert.deepEqual({ ...shown.content.facts }, facts)
    },
  },
]

function nested(depth: number): JsonObject {
  return depth === 0 ? {} : { in: nested(depth - 1) }
}
