import assert from 'node:assert/strict'
import type { Catalog } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { recordOf, refuses } from '../expect.ts'
import { ALPHA, put, stage } from '../put.ts'

const MAX_PAGES = 100

/** A whole walk. */
async function recheckAll(
  catalog: Catalog,
  limit = 100,
): Promise<{ checked: number; found: number; pages: number }> {
  const total = { checked: 0, found: 0, pages: 0 }
  let cursor: string | undefined
  do {
    const page = await catalog.recheckBlobs({ limit, ...(cursor === undefined ? {} : { cursor }) })
    assert.ok(page.checked <= limit, `${page.checked} blobs in a page of ${limit}`)
    total.checked += page.checked
    total.found += page.found
    total.pages += 1
    assert.ok(total.pages < MAX_PAGES, 'recheckBlobs() does not end')
    cursor = page.cursor
  } while (cursor !== undefined)
  return total
}

/** What lost its mark is found. */
export const recheckCases: readonly CatalogCase[] = [
  {
    id: 'recheck.finds',
    claim:
      'recheckBlobs() finds bytes without reference that nothing else would find, and hands them to condemn()',
    needs: ['lost-marks'],
    async check({ catalog, advance, loseMarks }) {
      const kept = await put(catalog)
      const lost = await put(catalog)
      const condemned = await put(catalog)
      await catalog.delete(ALPHA, condemned.record.id)
      await catalog.condemn({ limit: 10 })
      await catalog.delete(ALPHA, lost.record.id)
      await loseMarks()
      assert.equal((await catalog.condemn({ limit: 10 })).condemned, 0, 'the marks are lost')
      assert.deepEqual(await recheckAll(catalog), { checked: 3, found: 2, pages: 1 })
      assert.equal((await catalog.condemn({ limit: 10 })).condemned, 2)
      await advance(2)
      const claimed = await catalog.claimGarbage({ graceMs: 0, limit: 10 })
      assert.deepEqual(
        claimed.map(({ blobId }) => blobId).sort(),
        [lost, condemned].map(({ record }) => record.content.blobId).sort(),
      )
      assert.equal((await recordOf(catalog, ALPHA, kept.record.id)).content.placements.length, 1)
    },
  },
  {
    id: 'recheck.spares',
    claim: 'recheckBlobs() leaves alone what a record or a session needs',
    async check({ catalog }) {
      await put(catalog)
      await stage(catalog)
      assert.deepEqual(await recheckAll(catalog), { checked: 2, found: 0, pages: 1 })
      assert.equal((await catalog.condemn({ limit: 10 })).condemned, 0)
      assert.equal((await catalog.planGarbage({ graceMs: 0 })).waitingObjects, 0)
    },
  },
  {
    id: 'recheck.keeps-grace',
    claim: 'recheckBlobs() does not find again what is condemned, nor start its grace anew',
    async check({ catalog, advance }) {
      const { record } = await put(catalog)
      await catalog.delete(ALPHA, record.id)
      await catalog.condemn({ limit: 10 })
      await advance(40)
      assert.equal((await recheckAll(catalog)).found, 0)
      assert.equal((await catalog.condemn({ limit: 10 })).condemned, 0)
      assert.equal((await catalog.claimGarbage({ graceMs: 40, limit: 10 })).length, 1)
    },
  },
  {
    id: 'recheck.walks',
    claim: 'recheckBlobs() looks at `limit` blobs a call, at each once, and ends',
    async check({ catalog }) {
      for (let n = 0; n < 7; n++) await put(catalog)
      const { checked, pages } = await recheckAll(catalog, 3)
      assert.equal(checked, 7)
      assert.equal(pages, 3)
      await refuses('MEDIA_BAD_INPUT', catalog.recheckBlobs({ limit: 3, cursor: 'no cursor' }), 'garbage')
    },
  },
]
