import { existsSync, statSync, truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReserve } from './reserve.ts'

let folder: string
let database: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-reserve-'))
  database = join(folder, 'catalog.sqlite')
})
afterEach(() => rm(folder, { recursive: true }))

const sizeBytes = (): number => statSync(`${database}-reserve`).size

test('room is kept in a file beside the catalog', () => {
  expect(createReserve(database).isSpent()).toBe(false)
  expect(sizeBytes()).toBe(1024 * 1024)
})

test('once released it is there again as soon as somebody asks and there is room', () => {
  const reserve = createReserve(database)
  reserve.release()
  reserve.release()
  expect(existsSync(`${database}-reserve`)).toBe(false)
  expect(reserve.isSpent()).toBe(false)
  expect(sizeBytes()).toBe(1024 * 1024)
})

test('one that a crash cut short is made anew', () => {
  createReserve(database)
  truncateSync(`${database}-reserve`, 5_000)
  createReserve(database)
  expect(sizeBytes()).toBe(1024 * 1024)
})

test('a folder in which nothing can be made is no full disk', () => {
  expect(createReserve(join(folder, 'absent/catalog.sqlite')).isSpent()).toBe(false)
})
