import assert from 'node:assert/strict'
import { type Catalog, type LedgerEntry, type LedgerRow, newId } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, putOne } from '../copies.ts'
import { plain, refuses } from '../expect.ts'
import { allExternal, registerOne } from '../external.ts'
import { timeOf } from '../put.ts'

const DAY_MS = 86_400_000
const BAD_AMOUNTS = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]

const entry = (given: Partial<LedgerEntry> = {}): LedgerEntry => ({
  volumeId: COLD,
  class: 'get',
  cause: 'read',
  calls: 1,
  bytes: 100,
  ...given,
})

const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Of all days that a test may meet. */
const whole = (catalog: Catalog): Promise<readonly LedgerRow[]> =>
  catalog.ledger({ fromDay: '2000-01-01', toDay: '2999-12-31' })

const reserve = (catalog: Catalog, amount: number, limit: number, budget = 'reads') =>
  catalog.reserveSpend({ budget, amount, limit })

/** What was asked of volumes, and what it may cost. */
export const ledgerCases: readonly CatalogCase[] = [
  {
    id: 'ledger.sums',
    claim:
      'addToLedger() adds to the sums of today, by volume, class and cause, and ledger() gives them in that order',
    async check({ catalog }) {
      await catalog.addToLedger([entry({ cause: 'verify' }), entry(), entry({ class: 'put', bytes: 0 })])
      await catalog.addToLedger([entry({ calls: 2, bytes: 50 }), entry({ volumeId: DISK, class: 'avoided' })])
      await catalog.addToLedger([])
      const sums = (await whole(catalog)).map(({ day: _day, ...row }) => row)
      assert.deepEqual(plain(sums), [
        entry({ calls: 3, bytes: 150 }),
        entry({ cause: 'verify' }),
        entry({ class: 'put', bytes: 0 }),
        entry({ volumeId: DISK, class: 'avoided' }),
      ])
    },
  },
  {
    id: 'ledger.days',
    claim:
      'the ledger has a sum for each day of the catalog, UTC, and gives the days asked for, both included',
    needs: ['clock'],
    async check({ catalog, advance }) {
      const days: string[] = []
      for (let day = 0; day < 4; day++) {
        days.push(dayAt(await timeOf(catalog)))
        await catalog.addToLedger([entry({ calls: day + 1 })])
        await advance(DAY_MS)
      }
      const [first = '', second = '', third = ''] = days
      const daysOf = (rows: readonly LedgerRow[]) => rows.map(({ day, calls }) => `${day} ${calls}`)
      assert.deepEqual(daysOf(await catalog.ledger({ fromDay: second, toDay: third })), [
        `${second} 2`,
        `${third} 3`,
      ])
      assert.deepEqual(daysOf(await catalog.ledger({ fromDay: first, toDay: first })), [`${first} 1`])
      assert.deepEqual(daysOf(await catalog.ledger({ fromDay: third, toDay: first })), [])
      assert.equal((await whole(catalog)).length, 4)
    },
  },
  {
    id: 'ledger.bad-input',
    claim: 'calls, bytes and days that are none are refused, and nothing of the call is added',
    async check({ catalog }) {
      for (const bad of BAD_AMOUNTS) {
        const entries = [entry(), entry({ calls: bad })]
        await refuses('MEDIA_BAD_INPUT', catalog.addToLedger(entries), `calls ${bad}`)
        await refuses(
          'MEDIA_BAD_INPUT',
          catalog.addToLedger([entry(), entry({ bytes: bad })]),
          `bytes ${bad}`,
        )
      }
      assert.deepEqual([...(await whole(catalog))], [])
      for (const bad of ['', '2026-1-1', '2026-13-01', 'today', '2026-01-01T00:00:00Z']) {
        await refuses('MEDIA_BAD_INPUT', catalog.ledger({ fromDay: bad, toDay: '2026-01-01' }), bad)
        await refuses('MEDIA_BAD_INPUT', catalog.ledger({ fromDay: '2026-01-01', toDay: bad }), bad)
      }
    },
  },
  {
    id: 'spend.limit',
    claim: 'reserveSpend() gives what is left of the day, of each budget its own, and then nothing',
    async check({ catalog }) {
      const day = dayAt(await timeOf(catalog))
      assert.deepEqual(plain(await reserve(catalog, 60, 100)), { day, granted: 60, spent: 60 })
      assert.deepEqual(plain(await reserve(catalog, 60, 100)), { day, granted: 40, spent: 100 })
      assert.deepEqual(plain(await reserve(catalog, 1, 100)), { day, granted: 0, spent: 100 })
      assert.deepEqual(plain(await reserve(catalog, 1, 50)), { day, granted: 0, spent: 100 }, 'a lower limit')
      assert.deepEqual(plain(await reserve(catalog, 0, 200)), { day, granted: 0, spent: 100 }, 'a look')
      assert.deepEqual(plain(await reserve(catalog, 30, 120)), { day, granted: 20, spent: 120 })
      assert.equal((await reserve(catalog, 5, 100, 'writes')).granted, 5)
      assert.equal((await reserve(catalog, 5, 0, 'none')).granted, 0)
    },
  },
  {
    id: 'spend.return',
    claim: 'what is given back can be taken again, never more than was taken, and only on its day',
    async check({ catalog }) {
      const { day } = await reserve(catalog, 100, 100)
      await catalog.returnSpend({ budget: 'reads', day, amount: 30 })
      assert.deepEqual(plain(await reserve(catalog, 100, 100)), { day, granted: 30, spent: 100 })
      await catalog.returnSpend({ budget: 'reads', day: '2001-01-01', amount: 50 })
      await catalog.returnSpend({ budget: 'writes', day, amount: 50 })
      assert.equal((await reserve(catalog, 1, 100)).granted, 0)
      await catalog.returnSpend({ budget: 'reads', day, amount: 1_000 })
      assert.deepEqual(plain(await reserve(catalog, 500, 100)), { day, granted: 100, spent: 100 })
      assert.equal((await reserve(catalog, 500, 100, 'writes')).granted, 100)
    },
  },
  {
    id: 'spend.days',
    claim: 'a new day has the whole budget, and giving back for an old one does not add to it',
    needs: ['clock'],
    async check({ catalog, advance }) {
      const { day } = await reserve(catalog, 100, 100)
      await advance(DAY_MS)
      const next = await reserve(catalog, 70, 100)
      assert.deepEqual([next.granted, next.spent], [70, 70])
      assert.ok(next.day > day)
      await catalog.returnSpend({ budget: 'reads', day, amount: 100 })
      assert.equal((await reserve(catalog, 100, 100)).granted, 30)
    },
  },
  {
    id: 'spend.race',
    claim: 'many hosts that take at once together never take more than the limit',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      const taken = await Promise.all(
        Array.from({ length: 24 }, (_, n) => reserve(n % 2 === 0 ? catalog : other, 7, 100)),
      )
      assert.equal(
        taken.reduce((sum, { granted }) => sum + granted, 0),
        100,
      )
    },
  },
  {
    id: 'spend.bad-input',
    claim: 'amounts and limits that are no whole microdollars are refused, and take nothing',
    async check({ catalog }) {
      const { day } = await reserve(catalog, 10, 100)
      for (const bad of BAD_AMOUNTS) {
        await refuses('MEDIA_BAD_INPUT', reserve(catalog, bad, 100), `amount ${bad}`)
        await refuses('MEDIA_BAD_INPUT', reserve(catalog, 1, bad), `limit ${bad}`)
        const back = catalog.returnSpend({ budget: 'reads', day, amount: bad })
        await refuses('MEDIA_BAD_INPUT', back, `back ${bad}`)
      }
      const back = catalog.returnSpend({ budget: 'reads', day: 'today', amount: 1 })
      await refuses('MEDIA_BAD_INPUT', back, 'a day')
      assert.equal((await reserve(catalog, 0, 100)).spent, 10)
    },
  },
  {
    id: 'tiers.persist',
    claim:
      'moves, external objects, the ledger and what was spent are there again after all handles were closed',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const { blobId } = await putOne(catalog)
      await catalog.planMoves([{ id: newId(), blobId, toVolumeId: COLD, cause: 'heal', rank: 1 }])
      const [claimed] = await catalog.claimMoves({ volumeIds: [DISK, COLD], limit: 1, leaseMs: 60_000 })
      await registerOne(catalog, 'a')
      await catalog.addToLedger([entry()])
      await reserve(catalog, 40, 100)
      const before = [
        await catalog.listMoves({ limit: 10 }),
        await allExternal(catalog, COLD),
        await whole(catalog),
      ]
      const again = await reopen()
      const after = [await again.listMoves({ limit: 10 }), await allExternal(again, COLD), await whole(again)]
      assert.deepEqual(plain(after), plain(before))
      assert.equal((await reserve(again, 100, 100)).granted, 60)
      assert.ok(claimed !== undefined)
      await again.settleMove(claimed, { type: 'done' })
    },
  },
]
