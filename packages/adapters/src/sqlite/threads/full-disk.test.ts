import { newId } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDatabase, type Database } from '../database.ts'
import { loadDriver, type SqliteConnection } from '../driver.ts'
import { migrate } from '../migrate.ts'
import { createReservedCommit } from './full-disk.ts'
import { createGroupCommit } from './group-commit.ts'
import type { AnswerMessage, CallMessage } from './protocol.ts'
import type { Reserve } from './reserve.ts'

/** What makes a COMMIT fail, as a disk does: full until the reserve is given up, or for long transactions even then. */
let roomAfterRelease: 'none' | 'little' | 'enough'
/** Between what it takes to end eight sessions and what it takes to end twenty. */
const MAX_STATEMENTS = 40
let connection: SqliteConnection
let database: Database
let reserve: Reserve & { spent: boolean; releases: number }

beforeEach(async () => {
  const driver = await loadDriver()
  connection = driver.open(':memory:', { readOnly: false, busyMs: 0 })
  migrate(connection)
  const real = createDatabase(connection)
  let statements = 0
  database = {
    ...real,
    sql(text) {
      statements = text === 'BEGIN IMMEDIATE' ? 0 : statements + 1
      if (text === 'COMMIT' && isFull(statements))
        throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
      return real.sql(text)
    },
  }
  roomAfterRelease = 'enough'
  reserve = {
    spent: false,
    releases: 0,
    isSpent: () => reserve.spent,
    release() {
      reserve.spent = true
      reserve.releases += 1
    },
  }
})
afterEach(() => {
  connection.close()
})

function isFull(statements: number): boolean {
  if (reserve.releases === 0 || roomAfterRelease === 'none') return true
  return roomAfterRelease === 'little' && statements > MAX_STATEMENTS
}

const begin = (number: number): CallMessage => [
  number,
  'beginSession',
  { id: newId(), namespace: 'n', owner: 'o', ttlMs: -1 },
]
const end = (number: number): CallMessage => [number, 'endSession', { session: { id: newId(), fence: 1 } }]
const expire = (number: number): CallMessage => [number, 'expireSessions', { limit: 500 }]
const run = (...calls: CallMessage[]): readonly AnswerMessage[] =>
  createReservedCommit(
    database,
    reserve,
    createGroupCommit(database),
  )(calls.map((call) => ({ call, offsetMs: 0 })))
const told = (answers: readonly AnswerMessage[]): Record<number, string> =>
  Object.fromEntries(answers.map(([number, type, rest]) => [number, type === 'done' ? type : rest.code]))

test('a call that frees room is done on a full disk; one that takes room is refused', () => {
  expect(told(run(begin(1), end(2)))).toEqual({ 1: 'MEDIA_NO_SPACE', 2: 'done' })
  expect(reserve.releases).toBe(1)
})

test('while the reserve is spent, writes of other kinds are refused before they take the room', () => {
  reserve.release()
  expect(told(run(begin(1), end(2)))).toEqual({ 1: 'MEDIA_NO_SPACE', 2: 'done' })
  reserve.spent = false
  expect(told(run(begin(3)))).toEqual({ 3: 'done' })
})

test('a log that took the room is folded, and all calls are done when the reserve fits again', () => {
  reserve.isSpent = () => false
  expect(told(run(begin(1), end(2)))).toEqual({ 1: 'done', 2: 'done' })
})

test('a step that is too large for the reserve is done for fewer rows', () => {
  reserve.releases = 1
  for (let at = 0; at < 20; at++) expect(told(run(begin(at)))).toEqual({ [at]: 'done' })
  roomAfterRelease = 'little'
  const [answer] = run(expire(100))
  expect(answer?.[1]).toBe('done')
  expect(answer?.[2]).toHaveLength(8)
})

test('every call is answered once, also when nothing helps', () => {
  roomAfterRelease = 'none'
  const answers = run(begin(1), end(2), expire(3))
  expect(told(answers)).toEqual({ 1: 'MEDIA_NO_SPACE', 2: 'MEDIA_NO_SPACE', 3: 'MEDIA_NO_SPACE' })
  expect(answers).toHaveLength(3)
})
