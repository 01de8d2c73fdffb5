import type { FsCalls } from '@mediakeep/adapters/fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { TROUBLES } from '../simulation/faults.ts'
import { type Image, takeImage } from '../simulation/image.ts'
import { type Case, listCases, wordsOf } from './cases.ts'
import { sweep } from './part.ts'
import { runCase } from './run-case.ts'
import type { BreakCalls } from './stage.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'

let image: Image
let cases: readonly Case[]
beforeAll(async () => {
  image = await takeImage()
  cases = await listCases(image)
})

it('fails every call with every trouble that it can have, once and for good', () => {
  const disk = cases.flatMap(({ fault }) => (fault.layer === 'disk' ? [fault] : []))
  expect(new Set(disk.map(({ trouble }) => trouble))).toEqual(new Set(Object.keys(TROUBLES)))
  expect(new Set(disk.map(({ forever }) => forever))).toEqual(new Set([true, false]))
  // The count by which shares are taken is about the number of cases.
  expect(cases.length / sweep.fullCount).toBeGreaterThan(0.7)
  expect(cases.length / sweep.fullCount).toBeLessThan(1.5)
})

it('does as many cases as are asked for', async () => {
  const input = { count: 12, seed: 1, signal: new AbortController().signal, folder: '' }
  const { done, violations } = await sweep.run({ ...input, progress: () => {}, note: () => {} })
  expect({ done, violations }).toEqual({ done: 12, violations: [] })
})

it('a failed call is a MediaError, leaves nothing open or half done, and the act works when it is done again', async () => {
  const broken: string[] = []
  for (const [index, one] of cases.entries()) {
    // Of power cuts a share is enough here: `npm run torture` does all.
    const share = (LONG ? 1 : 6) * (one.fault.layer === 'power' ? 4 : 1)
    if (index % share !== 0) continue
    const what = await runCase(one, image)
    if (what !== undefined) broken.push(`--seed ${index} --count 1: ${wordsOf(one)}: ${what}`)
  }
  expect(broken).toEqual([])
})

describe('a store that takes failures wrongly is convicted', () => {
  const controls: readonly (readonly [string, BreakCalls])[] = [
    [
      'a sync that failed counts as done',
      (fs) => ({ ...fs, fdatasync: (fd, done) => fs.fdatasync(fd, () => done(null)) }),
    ],
    [
      'a sync that failed is tried again',
      (fs) => ({
        ...fs,
        fdatasync: (fd, done) => fs.fdatasync(fd, (error) => (error ? fs.fdatasync(fd, done) : done(null))),
      }),
    ],
    ['a file stays open when its write fails', leavingOpen],
    [
      'an error is thrown as it came',
      (fs) => ({
        ...fs,
        write: (fd, buffer, offset, length, position, done) =>
          fs.write(fd, buffer, offset, length, position, (error, count) =>
            error ? done(new Error('plain')) : done(null, count),
          ),
      }),
    ],
  ]
  for (const [name, breakCalls] of controls)
    it(name, async () => {
      const found: string[] = []
      for (const one of cases) {
        if (one.act.name !== 'put small' || one.fault.layer !== 'disk') continue
        const what = await runCase(one, image, breakCalls)
        if (what !== undefined) found.push(what)
      }
      expect(found).not.toEqual([])
    })
})

it('a store that syncs no piece is convicted by power cuts', async () => {
  const lying: BreakCalls = (fs) => ({
    ...fs,
    fdatasync: (_, done) => done(null),
    fsync: (_, done) => done(null),
  })
  const found: string[] = []
  for (const one of cases) {
    if (one.fault.layer !== 'power' || one.fault.leaves !== 'least' || one.act.name !== 'upload in chunks')
      continue
    const what = await runCase(one, image, lying)
    if (what !== undefined) found.push(what)
  }
  expect(found).not.toEqual([])
})

function leavingOpen(fs: FsCalls): FsCalls {
  const failed = new Set<number>()
  return {
    ...fs,
    write: (fd, buffer, offset, length, position, done) =>
      fs.write(fd, buffer, offset, length, position, (error, count) => {
        if (error) failed.add(fd)
        done(error, count)
      }),
    close: (fd, done) => (failed.has(fd) ? done(null) : fs.close(fd, done)),
  }
}
