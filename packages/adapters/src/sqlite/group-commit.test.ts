import { digestOf, newId } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDatabase, type Database } from './database.ts'
import { loadDriver, type SqliteConnection } from './driver.ts'
import { migrate } from './migrate.ts'
import { createGroupCommit, type GroupCommit } from './threads/group-commit.ts'
import type { CallMessage } from './threads/protocol.ts'

let connection: SqliteConnection
let database: Database
let commitGroup: GroupCommit
let begun: string[]

beforeEach(async () => {
  const driver = await loadDriver()
  connection = driver.open(':memory:', { readOnly: false, busyMs: 0 })
  migrate(connection)
  begun = []
  const real = createDatabase(connection)
  database = {
    ...real,
    sql(text) {
      if (text === 'BEGIN IMMEDIATE') begun.push(text)
      return real.sql(text)
    },
  }
  commitGroup = createGroupCommit(database)
})
afterEach(() => {
  connection.close()
})

const begin = (number: number, id: string): CallMessage => [
  number,
  'beginSession',
  { id, namespace: 'n', owner: 'o', ttlMs: 1_000 },
]
const run = (...calls: CallMessage[]) => commitGroup(calls.map((call) => ({ call, offsetMs: 0 })))
const sessions = () =>
  createDatabase(connection).json<number>('SELECT json(count(*)) AS json FROM sessions').get()

test('all calls that wait share one transaction', () => {
  const answers = run(begin(1, newId()), begin(2, newId()), begin(3, newId()))
  expect(answers.map((answer) => answer.slice(0, 2))).toEqual([
    [1, 'done'],
    [2, 'done'],
    [3, 'done'],
  ])
  expect(begun).toHaveLength(1)
  expect(sessions()).toBe(3)
})

test('a call that fails in a group fails alone', () => {
  const taken = newId()
  const answers = run(begin(1, taken), begin(2, taken), begin(3, newId()))
  expect(answers.map((answer) => answer[1])).toEqual(['done', 'failed', 'done'])
  expect(answers[1]?.[2]).toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'session-taken' })
  expect(sessions()).toBe(2)
})

test('calls that come after one that failed, in its group and in later ones, are committed', () => {
  const taken = newId()
  run(begin(1, taken), begin(2, taken))
  expect(run(begin(3, newId()), begin(4, newId())).map((answer) => answer[1])).toEqual(['done', 'done'])
  expect(run(begin(5, newId()), begin(6, taken), begin(7, newId())).map((answer) => answer[1])).toEqual([
    'done',
    'failed',
    'done',
  ])
  expect(sessions()).toBe(5)
})

test('a call that fails after its first write leaves nothing of itself', () => {
  const session = { id: newId(), namespace: 'n', owner: 'o', ttlMs: 1_000 }
  const stage = {
    domain: '',
    digest: digestOf(Buffer.from('a')),
    sizeBytes: 1,
    chunkSums: new Uint8Array(4),
    volumeId: 'v',
    placementId: newId(),
    key: 'k',
  }
  run([1, 'stagePlacement', { ...stage, session }])
  const other = { ...stage, digest: digestOf(Buffer.from('b')), session: { ...session, id: newId() } }
  const answers = run([2, 'stagePlacement', other], begin(3, newId()))
  expect(answers.map((answer) => answer[1])).toEqual(['failed', 'done'])
  expect(createDatabase(connection).json('SELECT json(count(*)) AS json FROM blobs').get()).toBe(1)
  expect(run([4, 'stagePlacement', other])[0]?.[1]).toBe('failed')
  expect(createDatabase(connection).json('SELECT json(count(*)) AS json FROM blobs').get()).toBe(1)
})

test('when the COMMIT fails every call of the group is rejected and nothing happened', () => {
  const real = database
  let isFull = true
  commitGroup = createGroupCommit({
    ...real,
    sql(text) {
      if (isFull && text === 'COMMIT')
        throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
      return real.sql(text)
    },
  })
  const answers = run(begin(1, newId()), begin(2, newId()))
  expect(answers.map((answer) => [answer[1], (answer[2] as { code: string }).code])).toEqual([
    ['failed', 'MEDIA_NO_SPACE'],
    ['failed', 'MEDIA_NO_SPACE'],
  ])
  isFull = false
  expect(sessions()).toBe(0)
  expect(run(begin(3, newId()))[0]?.[1]).toBe('done')
})

test('only a group that promises durability is synced', () => {
  const level = () =>
    connection.prepare<{ readonly synchronous: number }>('PRAGMA synchronous').get()?.synchronous
  run(begin(1, newId()))
  expect(level()).toBe(1)
  run(begin(2, newId()), [3, 'registerVolume', { id: 'v', tier: 't', layout: 1 }])
  expect(level()).toBe(2)
  run(begin(4, newId()))
  expect(level()).toBe(1)
})
