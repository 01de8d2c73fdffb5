import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Availability, CostReport, PlacementExplanation, TierPlan, TierProgress } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Answer, runIn } from '../program.fixture.ts'

const BODY_BYTES = 100_000

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-tier-'))
  await settings({})
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Each command opens the store anew; some tests are twenty of them. */
vi.setConfig({ testTimeout: 60_000 })

/** A small disk, and a folder that plays the far store: its media are cold. */
async function settings(tiering: object, capacity = 1_000_000): Promise<void> {
  const attic = pathToFileURL(join(folder, 'attic')).href
  await writeFile(
    join(folder, 'mediakeep.config.json'),
    JSON.stringify({
      tiers: [
        { name: 'disk', capacity, highWatermarkRatio: 0.5, lowWatermarkRatio: 0.3 },
        { name: 'attic', url: attic, serves: false, prices: 'aws:us-east-1' },
      ],
      tiering,
    }),
  )
}

const mediakeep = (...args: readonly string[]): Promise<Answer> => runIn(folder, args)

async function json<Value>(...args: readonly string[]): Promise<Value> {
  const { code, out, err } = await mediakeep(...args, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as Value
}

/** Media `k0`, `k1` ... */
async function fill(count: number): Promise<void> {
  await mkdir(join(folder, 'in'))
  for (let index = 0; index < count; index++)
    await writeFile(join(folder, 'in', `k${index}`), Buffer.alloc(BODY_BYTES, index + 1))
  expect((await mediakeep('import', 'in')).code).toBe(0)
}

describe('mediakeep tier', () => {
  it('plans with a price and changes nothing, applies, and says where media are and why', async () => {
    // The disk shrinks behind their back: a command that writes past its mark begins to relieve it at once.
    await settings({}, 100_000_000)
    await fill(7)
    await settings({})
    const plan = await json<TierPlan>('tier', 'plan')
    expect(plan.moves.length).toBe(plan.objects)
    const demoted = plan.moves.filter(({ cause }) => cause === 'demote')
    expect(demoted.length).toBeGreaterThan(0)
    for (const move of demoted) expect(move).toMatchObject({ from: 'disk', to: 'attic', costDollars: 5e-6 })
    expect(await json<TierPlan>('tier', 'plan')).toEqual(plan)

    const told = (await mediakeep('tier', 'plan')).out
    expect(told).toMatch(/^CAUSE +FROM +TO +OBJECTS +BYTES +COST$/m)
    expect(told).toMatch(/^demote +disk +attic +\d+ +[\d.]+ KiB +\$0\.0000\d+$/m)
    expect(told).toMatch(/moving costs \$0\.0000\d+, keeping costs \$0\.0000\d+ a month more then\n$/)

    const done = await json<TierProgress>('tier', 'apply')
    expect(done).toMatchObject({ copied: demoted.length, evicted: demoted.length })
    const explained = await Promise.all(
      Array.from({ length: 7 }, (_, index) => json<PlacementExplanation>('tier', 'explain', `key:k${index}`)),
    )
    for (const { tiers, copies } of explained) {
      expect(tiers).toEqual(['disk', 'attic'])
      expect(copies.length).toBe(1)
    }
    const onDisk = explained.filter(({ copies }) => copies[0]?.tier === 'disk')
    expect(onDisk.length * BODY_BYTES).toBeLessThanOrEqual(300_000)

    const { out } = await mediakeep('usage', '--by', 'tier')
    expect(out).toMatch(/^ {2}home: \d objects, [\d.]+ KiB of 976\.6 KiB/m)
    const rows = (await mediakeep('usage', '--by', 'tier', '--json')).out.trim().split('\n')
    expect(rows.map((row) => JSON.parse(row) as object)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'disk',
          role: 'home',
          storedBytes: onDisk.length * BODY_BYTES,
        }) as object,
        expect.objectContaining({ name: 'attic', storedBytes: (7 - onDisk.length) * BODY_BYTES }) as object,
      ]),
    )
    expect((await mediakeep('usage', '--by', 'bucket')).out).toBe(out)
  })

  it('follows rules, and explains by their names', async () => {
    await settings({
      rules: [{ name: 'notes far away', match: { contentType: 'text/*' }, tiers: ['attic'] }],
    })
    await writeFile(join(folder, 'n.txt'), 'a note')
    await mediakeep('put', 'n.txt', '--key', 'n')
    expect(await json('tier', 'explain', 'key:n')).toMatchObject({
      rule: 'notes far away',
      tiers: ['attic'],
      copies: [{ tier: 'attic', isReachable: true, owned: true }],
    })
    const { out } = await mediakeep('tier', 'explain', 'key:n')
    expect(out).toContain('rule "notes far away"\nbelongs on attic\ncopy on attic')
    expect(await mediakeep('tier', 'explain', 'key:none')).toMatchObject({ code: 1, out: '' })
  })

  it('withdraws planned moves, and nothing for a tier or a cause that there is none of', async () => {
    expect(await json('tier', 'withdraw', '--to', 'attic')).toEqual({ withdrawn: 0 })
    expect((await mediakeep('tier', 'withdraw')).out).toBe('0 planned moves were withdrawn\n')
    for (const wrong of [['--to', 'cellar'], ['--cause', 'evict'], ['attic']])
      expect(await mediakeep('tier', 'withdraw', ...wrong)).toMatchObject({ code: 2, out: '' })
  })

  it('tells costs with the budget, and nothing where nothing was asked', async () => {
    const costs = await json<CostReport>('tier', 'costs', '--from', '2020-01-01', '--to', '2020-01-31')
    expect(costs).toMatchObject({ rows: [], spentDollars: 0 })
    expect((await mediakeep('tier', 'costs')).out).toContain('nothing was asked of a store that costs')
    expect((await mediakeep('tier', 'plan')).out).toBe('nothing is to be moved\n')
  })

  it.each([
    [['tier'], 'Usage: mediakeep tier'],
    [['tier', 'fly'], 'unknown command'],
    [['tier', 'explain'], 'missing required argument'],
    [['tier', 'costs', '--from', 'yesterday'], '--from'],
    [['tier', 'costs', '--to', '2026-02-31x'], '--to'],
    [['tier', 'costs', '--to', '2026-02-30'], '--to'],
    [['tier', 'costs', '--from', '2026-02-02', '--to', '2026-02-01'], '--from'],
    [['warm'], 'missing required argument'],
    [['warm', 'photo.jpg'], 'no reference'],
    [['init', 'ftp://h'], 'the store URL'],
    [['init', '--temporary', 'temp'], '--temporary'],
  ])('refuses %j with exit code 2', async (args, word) => {
    expect(await mediakeep(...args)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(word) as string,
    })
  })

  it('refuses a composition that cannot be, by all its faults', async () => {
    await settings({ rules: [{ name: 'r', match: {}, tiers: ['moon'] }] })
    const { code, err } = await mediakeep('ls')
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining('names moon, which is no home tier') as string,
    })
  })
})

describe('mediakeep warm', () => {
  it('waits until media are on a tier that serves, and tells those that cannot be', async () => {
    await settings({ rules: [{ name: 'all', match: {}, tiers: ['attic'] }] })
    await fill(2)
    expect(await json<Availability>('stat', 'key:k0')).toMatchObject({ availability: 'cold' })
    const warmed = await mediakeep('warm', 'key:k0', 'key:k1', 'key:none', '--json')
    expect(warmed.code).toBe(1)
    const rows = warmed.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Availability & { ref: string })
    expect(rows.sort((a, b) => (a.ref < b.ref ? -1 : 1))).toEqual([
      expect.objectContaining({ ref: 'key:k0', state: 'ready', tier: 'disk' }) as object,
      expect.objectContaining({ ref: 'key:k1', state: 'ready', tier: 'disk' }) as object,
      { ref: 'key:none', state: 'missing' },
    ])
    expect(await mediakeep('warm', 'key:k0')).toMatchObject({
      code: 0,
      out: 'ready on disk  key:k0  97.7 KiB\n',
    })
    expect((await mediakeep('warm', 'key:k1', '--no-wait')).code).toBe(0)
  })
})

describe('mediakeep init', () => {
  it('tells what is missing, makes it, and finds nothing to do afterwards', async () => {
    const before = await mediakeep('init', '--check')
    expect(before.code).toBe(3)
    expect(before.out.match(/DIFFERS/g)?.length).toBe(3)
    expect((await mediakeep('init', '--check')).out).toBe(before.out)
    const made = await mediakeep('init')
    expect(made.code).toBe(0)
    expect(made.out.match(/made {4}(volume|records)/g)?.length).toBe(3)
    for (const args of [['init'], ['init', '--check']])
      expect(await mediakeep(...args)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^(ok {6}\S+\n){3}$/) as string,
      })
  })

  it('makes one store at its URL', async () => {
    const url = pathToFileURL(join(folder, 'other')).href
    expect(await mediakeep('init', url, '--check')).toMatchObject({ code: 3 })
    expect(await mediakeep('init', url)).toMatchObject({ code: 0 })
    expect(await mediakeep('init', url, '--check')).toMatchObject({ code: 0 })
    expect((await mediakeep('init', '--check')).out.match(/DIFFERS/g)?.length).toBe(3)
  })
})
